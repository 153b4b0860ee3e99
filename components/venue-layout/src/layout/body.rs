//! The bodies of `POST /layouts` and `PUT /layouts/{id}`.

use eventhub_guest::ids::VenueId;
use eventhub_guest::problem::Fault;
use serde::de::{DeserializeSeed, MapAccess};

use super::model::Layout;
use super::parse;
use super::reader::{Members, Object, Reader, Scalar};

/// Longest name of a layout, characters.
pub const NAME: usize = 200;

/// A body without faults. `V` is the venue where the body names one.
#[derive(Debug)]
pub struct Body<V> {
    pub venue_id: V,
    pub name: String,
    pub layout: Layout,
}

/// `{"venue_id", "name", "layout"}`.
///
/// # Errors
/// All faults, at most [`super::MAX_FAULTS`].
pub fn create(json: &[u8]) -> Result<Body<VenueId>, Vec<Fault>> {
    read::<CreateMembers>(json)
}

/// `{"name", "layout"}`.
///
/// # Errors
/// As [`create`].
pub fn replace(json: &[u8]) -> Result<Body<()>, Vec<Fault>> {
    read::<ReplaceMembers>(json)
}

fn read<'de, M: Members<'de>>(json: &'de [u8]) -> Result<M::Made, Vec<Fault>> {
    let mut reader = Reader::default();
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    let made = Object::<M>::new(&mut reader).deserialize(&mut deserializer);
    match made.and_then(|made| deserializer.end().map(|()| made)) {
        Ok(Some(made)) if reader.is_ok() => Ok(made),
        Ok(_) => Err(reader.into_faults()),
        Err(error) => {
            // No JSON, or a number that no f64 holds: what comes after it cannot be read.
            reader.fault("invalid", error.to_string());
            Err(reader.into_faults())
        }
    }
}

#[derive(Default)]
struct CreateMembers {
    venue_id: Option<VenueId>,
    rest: ReplaceMembers,
}

impl<'de> Members<'de> for CreateMembers {
    type Made = Body<VenueId>;
    const KNOWN: &'static [(&'static str, bool)] =
        &[("name", true), ("layout", true), ("venue_id", true)];

    fn begin(_: &mut Reader) -> Self {
        Self::default()
    }

    fn member<A: MapAccess<'de>>(
        &mut self,
        index: usize,
        reader: &mut Reader,
        map: &mut A,
    ) -> Result<(), A::Error> {
        if index < 2 {
            return self.rest.member(index, reader, map);
        }
        let value = map.next_value::<Scalar>()?;
        if let Some(text) = reader.expect_text(&value) {
            match text.parse() {
                Ok(id) => self.venue_id = Some(id),
                Err(error) => reader.fault("invalid", format!("{error}")),
            }
        }
        Ok(())
    }

    fn made(self, reader: &mut Reader) -> Option<Body<VenueId>> {
        let Body { name, layout, .. } = self.rest.made(reader)?;
        Some(Body {
            venue_id: self.venue_id?,
            name,
            layout,
        })
    }
}

#[derive(Default)]
struct ReplaceMembers {
    name: Option<String>,
    layout: Option<Layout>,
}

impl<'de> Members<'de> for ReplaceMembers {
    type Made = Body<()>;
    const KNOWN: &'static [(&'static str, bool)] = &[("name", true), ("layout", true)];

    fn begin(_: &mut Reader) -> Self {
        Self::default()
    }

    fn member<A: MapAccess<'de>>(
        &mut self,
        index: usize,
        reader: &mut Reader,
        map: &mut A,
    ) -> Result<(), A::Error> {
        match index {
            0 => {
                let value = map.next_value::<Scalar>()?;
                self.name = reader.words(&value, NAME);
            }
            _ => self.layout = parse::layout(reader, map)?,
        }
        Ok(())
    }

    fn made(self, _: &mut Reader) -> Option<Body<()>> {
        Some(Body {
            venue_id: (),
            name: self.name?,
            layout: self.layout?,
        })
    }
}
