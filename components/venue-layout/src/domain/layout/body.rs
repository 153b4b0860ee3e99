//! The bodies of `POST /layouts` and `PUT /layouts/{id}`.

use eventhub_guest::ids::VenueId;
use eventhub_guest::problem::Fault;
use serde::de::{DeserializeSeed, MapAccess};

use super::model::Layout;
use super::parse;
use super::reader::{Members, Object, Reader, Scalar};

/// Longest name of a layout, characters.
const MAX_NAME: usize = 200;

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
pub fn read_new_layout(json: &[u8]) -> Result<Body<VenueId>, Vec<Fault>> {
    read_body::<CreateMembers>(json)
}

/// `{"name", "layout"}`.
///
/// # Errors
/// As [`read_new_layout`].
pub fn read_next_version(json: &[u8]) -> Result<Body<()>, Vec<Fault>> {
    read_body::<ReplaceMembers>(json)
}

fn read_body<'de, M: Members<'de>>(json: &'de [u8]) -> Result<M::Output, Vec<Fault>> {
    let mut reader = Reader::default();
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    let body = Object::<M>::new(&mut reader).deserialize(&mut deserializer);
    match body.and_then(|body| deserializer.end().map(|()| body)) {
        Ok(Some(body)) if reader.is_ok() => Ok(body),
        Ok(_) => Err(reader.into_faults()),
        Err(error) => {
            // It is not JSON, or it has a number that no f64 holds: the rest cannot be read.
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
    type Output = Body<VenueId>;
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

    fn finish(self, reader: &mut Reader) -> Option<Body<VenueId>> {
        let Body { name, layout, .. } = self.rest.finish(reader)?;
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
    type Output = Body<()>;
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
                self.name = reader.read_line(&value, MAX_NAME);
            }
            _ => self.layout = parse::read_layout(reader, map)?,
        }
        Ok(())
    }

    fn finish(self, _: &mut Reader) -> Option<Body<()>> {
        Some(Body {
            venue_id: (),
            name: self.name?,
            layout: self.layout?,
        })
    }
}
