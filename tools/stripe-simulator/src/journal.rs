//! The state file: one JSON line per change, appended before the change is answered, so that a
//! killed stand-in comes back with every intent it ever confirmed. All that one request did is one
//! line; a line cut short by a kill is dropped whole. At the start the file is read, shortened to
//! what still counts, and replaced in one step.

use std::collections::{HashMap, HashSet};
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::idempotency::{Answered, Keys, Use};
use crate::ledger::{Change, Ledger};
use crate::objects::{Endpoint, Event, Object};

/// Why the state file could not be used; always the machine's or the operator's fault.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The file system refused.
    #[error("state file {path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What it said.
        source: std::io::Error,
    },
    /// A whole line is not ours; the file belongs to something else, or to another version.
    #[error("state file {path}, line {line}: {source}; move the file away to start afresh")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// What is wrong with it.
        source: serde_json::Error,
    },
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Line {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    objects: Vec<Object>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    events: Vec<EventLine>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key: Option<KeyLine>,
    /// An event's id, and the endpoint that needs to hear no more of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    settled: Option<(String, String)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    endpoint: Option<Arc<Endpoint>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    endpoint_removed: Option<String>,
}

/// An event; its object is named by version, not repeated.
#[derive(Debug, Serialize, Deserialize)]
struct EventLine {
    id: String,
    kind: String,
    created: i64,
    object: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    previous: Option<Value>,
    request: Option<String>,
    idempotency_key: Option<String>,
    owed: Vec<String>,
}

#[derive(Debug, Serialize, Deserialize)]
struct KeyLine {
    key: String,
    #[serde(flatten)]
    used: Use,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    object: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    body: Option<(u16, String)>,
}

/// The file, open for appending.
#[derive(Debug)]
pub struct Journal {
    file: File,
    path: PathBuf,
}

impl Journal {
    /// Reads the file into the ledger and the keys, shortens it, and opens it.
    ///
    /// # Errors
    /// See [`JournalError`].
    pub fn open(
        path: &Path,
        ledger: &mut Ledger,
        keys: &mut Keys,
        now: i64,
    ) -> Result<Self, JournalError> {
        let io = |source| JournalError::Io {
            path: path.to_owned(),
            source,
        };
        if path.exists() {
            read(path, ledger, keys)?;
            keys.prune(now);
        }
        let new = path.with_extension("new");
        let mut out = BufWriter::new(File::create(&new).map_err(io)?);
        write_all(&mut out, ledger, keys).map_err(io)?;
        out.into_inner()
            .map_err(|error| io(error.into_error()))?
            .sync_all()
            .map_err(io)?;
        std::fs::rename(&new, path).map_err(io)?;
        let file = OpenOptions::new().append(true).open(path).map_err(io)?;
        Ok(Self {
            file,
            path: path.to_owned(),
        })
    }

    /// Appends what one request changed, and the answer kept under its key. One write: it survives
    /// a kill of this process (not of the machine) as soon as this returns.
    pub fn append(&mut self, change: &Change, key: Option<(&str, &Use, &Answered)>) {
        self.write(&Line {
            objects: change.objects.clone(),
            events: change
                .events
                .iter()
                .map(|event| event_line(event))
                .collect(),
            key: key.map(|(key, used, answered)| key_line(key, used, answered)),
            endpoint: change
                .endpoint
                .clone()
                .filter(|endpoint| !endpoint.configured),
            endpoint_removed: change.endpoint_removed.clone(),
            settled: None,
        });
    }

    /// Appends that an endpoint needs to hear no more of an event.
    pub fn settled(&mut self, event: &str, endpoint: &str) {
        self.write(&Line {
            settled: Some((event.to_owned(), endpoint.to_owned())),
            ..Line::default()
        });
    }

    fn write(&mut self, line: &Line) {
        let written = serde_json::to_vec(line)
            .map_err(std::io::Error::other)
            .and_then(|mut bytes| {
                bytes.push(b'\n');
                self.file.write_all(&bytes)
            });
        if let Err(error) = written {
            // The money of this stand-in is not real; losing its state is better than losing the
            // developer's afternoon.
            tracing::error!(path = %self.path.display(), %error, "the state file takes no more; a restart will forget what follows");
        }
    }
}

fn event_line(event: &Event) -> EventLine {
    EventLine {
        id: event.id.clone(),
        kind: event.kind.clone(),
        created: event.created,
        object: event.object.version(),
        previous: event.previous.clone(),
        request: event.request.clone(),
        idempotency_key: event.idempotency_key.clone(),
        owed: event.owed.lock().clone(),
    }
}

fn key_line(key: &str, used: &Use, answered: &Answered) -> KeyLine {
    let (object, body) = match answered {
        Answered::Object(object) => (Some(object.version()), None),
        Answered::Body(status, body) => (None, Some((*status, body.clone()))),
    };
    KeyLine {
        key: key.to_owned(),
        used: used.clone(),
        object,
        body,
    }
}

fn read(path: &Path, ledger: &mut Ledger, keys: &mut Keys) -> Result<(), JournalError> {
    let io = |source| JournalError::Io {
        path: path.to_owned(),
        source,
    };
    let mut lines = BufReader::new(File::open(path).map_err(io)?);
    let mut objects: HashMap<u64, Object> = HashMap::new();
    let mut settled: HashSet<(String, String)> = HashSet::new();
    let mut events: Vec<EventLine> = Vec::new();
    let mut text = Vec::new();
    for line in 1.. {
        text.clear();
        // The last line may have been cut short; then its request was never answered.
        if lines.read_until(b'\n', &mut text).map_err(io)? == 0 || text.last() != Some(&b'\n') {
            break;
        }
        let entry: Line =
            serde_json::from_slice(&text).map_err(|source| JournalError::Damaged {
                path: path.to_owned(),
                line,
                source,
            })?;
        for object in entry.objects {
            ledger.restore(&object);
            objects.insert(object.version(), object);
        }
        events.extend(entry.events);
        settled.extend(entry.settled);
        if let Some(key) = entry.key {
            let body = key.body.map(|(status, body)| Answered::Body(status, body));
            let object = key
                .object
                .and_then(|version| objects.get(&version).cloned().map(Answered::Object));
            if let Some(answered) = object.or(body) {
                keys.restore(key.key, key.used, answered);
            }
        }
        if let Some(endpoint) = entry.endpoint {
            ledger.put_endpoint(endpoint);
        }
        if let Some(id) = entry.endpoint_removed {
            ledger.endpoints.retain(|endpoint| endpoint.id != id);
        }
    }
    for event in events {
        let Some(object) = objects.get(&event.object).cloned() else {
            continue;
        };
        let mut owed = event.owed;
        owed.retain(|endpoint| !settled.contains(&(event.id.clone(), endpoint.clone())));
        ledger.events.push(Arc::new(Event {
            id: event.id,
            kind: event.kind,
            created: event.created,
            object,
            previous: event.previous,
            request: event.request,
            idempotency_key: event.idempotency_key,
            owed: Mutex::new(owed),
        }));
    }
    Ok(())
}

fn write_all(out: &mut impl Write, ledger: &Ledger, keys: &Keys) -> std::io::Result<()> {
    let mut written = HashSet::new();
    let mut write = |line: &Line| {
        serde_json::to_writer(&mut *out, line)?;
        out.write_all(b"\n")
    };
    let intents = ledger
        .intents
        .rows()
        .iter()
        .map(|intent| Object::Intent(intent.clone()));
    let charges = ledger
        .charges
        .rows()
        .iter()
        .map(|charge| Object::Charge(charge.clone()));
    let refunds = ledger
        .refunds
        .rows()
        .iter()
        .map(|refund| Object::Refund(refund.clone()));
    for object in intents.chain(charges).chain(refunds) {
        written.insert(object.version());
        write(&Line {
            objects: vec![object],
            ..Line::default()
        })?;
    }
    let mut once = |object: &Object| {
        if written.insert(object.version()) {
            vec![object.clone()]
        } else {
            Vec::new()
        }
    };
    for event in ledger.events.iter() {
        write(&Line {
            objects: once(&event.object),
            events: vec![event_line(event)],
            ..Line::default()
        })?;
    }
    for (key, used, answered) in keys.answered() {
        let objects = match answered {
            Answered::Object(object) => once(object),
            Answered::Body(..) => Vec::new(),
        };
        write(&Line {
            objects,
            key: Some(key_line(key, used, answered)),
            ..Line::default()
        })?;
    }
    for endpoint in ledger
        .endpoints
        .iter()
        .filter(|endpoint| !endpoint.configured)
    {
        write(&Line {
            endpoint: Some(endpoint.clone()),
            ..Line::default()
        })?;
    }
    Ok(())
}
