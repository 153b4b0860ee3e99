//! The layouts that this instance has parsed: the last used ones, as many as their seats allow.

use std::rc::Rc;

use crate::layout::Layout;

/// About 50 bytes each: 20 MB at most.
const MAX_SEATS: usize = 400_000;

/// Most recently used last. There are few, so a list is quicker than a map.
#[derive(Default)]
pub struct Cache {
    layouts: Vec<(String, Rc<Layout>)>,
}

impl Cache {
    /// A layout that is kept; it becomes the most recently used.
    pub fn get(&mut self, key: &str) -> Option<Rc<Layout>> {
        let at = self.layouts.iter().rposition(|(known, _)| known == key)?;
        self.layouts[at..].rotate_left(1);
        self.layouts.last().map(|(_, layout)| layout.clone())
    }

    /// Keeps a layout; others go until the seats of all fit again. The new one always stays.
    pub fn put(&mut self, key: String, layout: Rc<Layout>) {
        self.layouts.retain(|(known, _)| *known != key);
        self.layouts.push((key, layout));
        // An empty layout costs something too.
        let weight = |layout: &Layout| layout.seats().len() + 100;
        while self.layouts.len() > 1
            && self
                .layouts
                .iter()
                .map(|(_, layout)| weight(layout))
                .sum::<usize>()
                > MAX_SEATS
        {
            self.layouts.remove(0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hall(seats: usize) -> Rc<Layout> {
        let seats: Vec<String> = (0..seats).map(|id| format!(r#"{{"id":"{id}"}}"#)).collect();
        let text = format!(
            r#"{{"sections":[{{"id":"A","category":"c","rows":[{{"id":"1","seats":[{}]}}]}}]}}"#,
            seats.join(",")
        );
        Rc::new(Layout::parse(&text).unwrap())
    }

    #[test]
    fn the_least_recently_used_layout_goes_first() {
        let mut cache = Cache::default();
        for key in ["a", "b", "c"] {
            cache.put(key.into(), hall(130_000));
        }
        assert!(cache.get("a").is_some());
        cache.put("d".into(), hall(130_000));
        assert!(cache.get("b").is_none(), "a was used after b");
        assert!(cache.get("a").is_some() && cache.get("c").is_some() && cache.get("d").is_some());
    }
}
