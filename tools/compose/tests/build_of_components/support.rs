//! The project, and copies of it that have another service.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use eventhub_compose::Project;

/// The folder of this checkout.
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap().into()
}

pub fn project() -> Project {
    Project::read(&root()).unwrap()
}

/// A folder that is removed at the end of the test.
pub struct Folder(pub PathBuf);

impl Folder {
    pub fn new(name: &str) -> Self {
        let name = format!("eventhub-compose-{name}-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        _ = fs::remove_dir_all(&self.0);
    }
}

/// The project with the service `reviews`, which imports the part `stars`: an entry of the
/// manifest, a link of the gateway, a timer, folders and WIT packages.
pub fn project_with_reviews(copy: &Folder) -> Project {
    let (root, copy) = (root(), &copy.0);
    for name in ["adapters", "Cargo.toml", "Cargo.lock"] {
        symlink(root.join(name), copy.join(name)).unwrap();
    }
    for folder in ["components", "wit/deps"] {
        fs::create_dir_all(copy.join(folder)).unwrap();
        for entry in fs::read_dir(root.join(folder)).unwrap() {
            let entry = entry.unwrap();
            symlink(entry.path(), copy.join(folder).join(entry.file_name())).unwrap();
        }
    }
    symlink(root.join("wit/worlds.wit"), copy.join("wit/worlds.wit")).unwrap();
    for name in ["reviews", "stars"] {
        let folder = copy.join("components").join(name);
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("Cargo.toml"), "").unwrap();
    }
    write_package(
        copy,
        "reviews",
        "interface routes {
           use eventhub:http/types@0.1.0.{request, response};
           handle: func(request: request) -> response;
         }
         interface timers { tick: func() -> result<_, string>; }
         world service { import eventhub:stars/rating@0.1.0; export routes; export timers; }",
    );
    write_package(
        copy,
        "stars",
        "interface rating { mean: func(stars: list<u8>) -> f64; }
         world service { export rating; }",
    );

    let manifest = fs::read_to_string(root.join("wadm.yaml")).unwrap();
    let entry = "    - name: reviews
      type: component
      properties: { image: file://target/components/reviews.wasm }
";
    let manifest = insert_after(&manifest, "  components:\n", entry);
    let gateway = manifest.find("- name: api-gateway").unwrap();
    let (head, tail) = manifest.split_at(gateway);
    let tail = insert_after(tail, "      traits:\n", &link("reviews", "routes"));
    let scheduler = tail.find("- name: scheduler").unwrap();
    let (middle, tail) = tail.split_at(scheduler);
    let tail = insert_after(tail, "      traits:\n", &link("reviews", "timers"));
    fs::write(copy.join("wadm.yaml"), format!("{head}{middle}{tail}")).unwrap();
    Project::read(copy).unwrap()
}

fn write_package(copy: &Path, name: &str, text: &str) {
    let folder = copy.join("wit/deps").join(name);
    fs::create_dir(&folder).unwrap();
    let text = format!("package eventhub:{name}@0.1.0;\n{text}\n");
    fs::write(folder.join("package.wit"), text).unwrap();
}

fn link(target: &str, interface: &str) -> String {
    format!(
        "        - type: link
          properties:
            target: {{ name: {target} }}
            namespace: eventhub
            package: {target}
            interfaces: [{interface}]
"
    )
}

fn insert_after(text: &str, place: &str, inserted: &str) -> String {
    let at = text.find(place).unwrap() + place.len();
    format!("{}{inserted}{}", &text[..at], &text[at..])
}
