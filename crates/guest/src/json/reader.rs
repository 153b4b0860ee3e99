//! From a [`Node`] to a type. serde reports a fault by the method of `de::Error` that it calls; the
//! reader knows the place and the expected kind of value. Error texts are never parsed.

use std::fmt;

use serde::de::value::{MapAccessDeserializer, StrDeserializer};
use serde::de::{
    self, DeserializeSeed, Deserializer, Expected, IntoDeserializer, MapAccess, SeqAccess,
    Unexpected, Visitor,
};
use serde::forward_to_deserialize_any;

use super::document::Node;
use crate::problem::Fault;

/// Above this, floating point cannot distinguish neighbouring integers.
const MAX_EXACT: f64 = 9_007_199_254_740_992.0;

/// One fault of a document, and its place.
#[derive(Debug, PartialEq)]
pub struct Error {
    /// Segments from the root, the last one first.
    path: Vec<String>,
    kind: Kind,
}

#[derive(Debug, PartialEq)]
enum Kind {
    WrongType(Option<&'static str>, String),
    WrongValue(Option<&'static str>, String),
    UnknownMember,
    Missing,
    Duplicate,
    UnknownVariant(&'static [&'static str]),
    Custom(String),
}

impl Error {
    fn new(kind: Kind) -> Self {
        Self { path: vec![], kind }
    }

    fn at(name: &str, kind: Kind) -> Self {
        Self {
            path: vec![escape_segment(name)],
            kind,
        }
    }

    fn within(mut self, segment: String) -> Self {
        self.path.push(segment);
        self
    }

    /// Names the kind of value that was expected at this very place.
    fn wanting(mut self, words: &'static str) -> Self {
        if let (true, Kind::WrongType(wanted, _) | Kind::WrongValue(wanted, _)) =
            (self.path.is_empty(), &mut self.kind)
        {
            *wanted = Some(words);
        }
        self
    }

    /// The fault as clients see it: pointer, code, and a sentence.
    pub fn into_fault(self) -> Fault {
        let pointer: String = self
            .path
            .iter()
            .rev()
            .map(|part| format!("/{part}"))
            .collect();
        let must_be = |words: Option<&str>, text: String| match words {
            Some(words) => format!("must be {words}"),
            None => format!("must be {text}"),
        };
        match self.kind {
            Kind::WrongType(words, text) => Fault::new(pointer, "wrong_type", must_be(words, text)),
            Kind::WrongValue(words, text) => Fault::new(pointer, "invalid", must_be(words, text)),
            Kind::UnknownMember => {
                Fault::new(pointer, "unknown_field", "is not a member of this request")
            }
            Kind::Missing => Fault::new(pointer, "required", "is missing"),
            Kind::Duplicate => Fault::new(pointer, "duplicate", "comes twice"),
            Kind::UnknownVariant(known) => Fault::new(
                pointer,
                "invalid",
                format!("must be one of {}", known.join(", ")),
            ),
            Kind::Custom(text) => Fault::new(pointer, "invalid", text),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.kind)
    }
}

impl std::error::Error for Error {}

impl de::Error for Error {
    fn custom<T: fmt::Display>(text: T) -> Self {
        Self::new(Kind::Custom(text.to_string()))
    }

    fn invalid_type(_: Unexpected, expected: &dyn Expected) -> Self {
        Self::new(Kind::WrongType(None, expected.to_string()))
    }

    fn invalid_value(_: Unexpected, expected: &dyn Expected) -> Self {
        Self::new(Kind::WrongValue(None, expected.to_string()))
    }

    fn invalid_length(_: usize, expected: &dyn Expected) -> Self {
        Self::new(Kind::WrongValue(None, expected.to_string()))
    }

    fn unknown_variant(_: &str, known: &'static [&'static str]) -> Self {
        Self::new(Kind::UnknownVariant(known))
    }

    fn unknown_field(name: &str, _: &'static [&'static str]) -> Self {
        Self::at(name, Kind::UnknownMember)
    }

    fn missing_field(name: &'static str) -> Self {
        Self::at(name, Kind::Missing)
    }

    fn duplicate_field(name: &'static str) -> Self {
        Self::at(name, Kind::Duplicate)
    }
}

/// RFC 6901: `~` and `/` in a member's name.
fn escape_segment(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// The place of the first text with U+0000, which PostgreSQL cannot store and no member needs.
pub fn find_nul(node: &Node) -> Option<String> {
    match node {
        Node::Text(text) => text.contains('\0').then(String::new),
        Node::List(items) => items
            .iter()
            .enumerate()
            .find_map(|(index, item)| Some(format!("/{index}{}", find_nul(item)?))),
        Node::Object(members) => members.iter().find_map(|(name, value)| {
            if name.contains('\0') {
                return Some(String::new());
            }
            Some(format!("/{}{}", escape_segment(name), find_nul(value)?))
        }),
        _ => None,
    }
}

/// Reads a node as whatever serde asks for.
pub struct Reader<'a>(pub &'a Node);

impl<'a> Reader<'a> {
    fn unexpected(&self) -> Unexpected<'a> {
        match self.0 {
            Node::Null => Unexpected::Unit,
            Node::Boolean(value) => Unexpected::Bool(*value),
            Node::Number(_) => Unexpected::Other("number"),
            Node::Text(text) => Unexpected::Str(text),
            Node::List(_) => Unexpected::Seq,
            Node::Object(_) => Unexpected::Map,
        }
    }

    fn read<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            Node::Null => visitor.visit_unit(),
            Node::Boolean(value) => visitor.visit_bool(*value),
            Node::Number(number) => visit_number(number, visitor),
            Node::Text(text) => visitor.visit_str(text),
            Node::List(items) => visitor.visit_seq(Items { items, next: 0 }),
            Node::Object(members) => visitor.visit_map(Members { members, next: 0 }),
        }
    }
}

/// Whole numbers are integers, as in JSON Schema: `409.0` and `4.09e2` are 409.
fn visit_number<'de, V: Visitor<'de>>(
    number: &serde_json::Number,
    visitor: V,
) -> Result<V::Value, Error> {
    if let Some(value) = number.as_u64() {
        return visitor.visit_u64(value);
    }
    if let Some(value) = number.as_i64() {
        return visitor.visit_i64(value);
    }
    let value = number.as_f64().unwrap_or(f64::NAN);
    if value.fract() == 0.0 && value.abs() <= MAX_EXACT {
        return visitor.visit_i64(value as i64);
    }
    visitor.visit_f64(value)
}

macro_rules! wanting {
    ($($method:ident $words:literal)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            self.read(visitor).map_err(|error| error.wanting($words))
        }
    )*};
}

impl<'de> Deserializer<'de> for Reader<'_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.read(visitor)
    }

    wanting! {
        deserialize_bool "true or false"
        deserialize_i8 "a whole number that is not too large"
        deserialize_i16 "a whole number that is not too large"
        deserialize_i32 "a whole number that is not too large"
        deserialize_i64 "a whole number that is not too large"
        deserialize_u8 "a whole number that is not negative and not too large"
        deserialize_u16 "a whole number that is not negative and not too large"
        deserialize_u32 "a whole number that is not negative and not too large"
        deserialize_u64 "a whole number that is not negative and not too large"
        deserialize_f32 "a number"
        deserialize_f64 "a number"
        deserialize_char "one character"
        deserialize_str "text"
        deserialize_string "text"
        deserialize_seq "a list"
    }

    // A map of serde_json's would also take null.
    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            Node::Object(members) => visitor.visit_map(Members { members, next: 0 }),
            _ => Err(de::Error::invalid_type(self.unexpected(), &"an object")),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            Node::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    // A derived struct would also accept a list of its members' values.
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match self.0 {
            Node::Object(members) => visitor.visit_map(Members { members, next: 0 }),
            _ => Err(de::Error::invalid_type(self.unexpected(), &"an object")),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match self.0 {
            Node::Text(text) => visitor.visit_enum(StrDeserializer::new(text)),
            Node::Object(members) if members.len() == 1 => {
                visitor.visit_enum(MapAccessDeserializer::new(Members { members, next: 0 }))
            }
            _ => Err(de::Error::invalid_type(self.unexpected(), &"text")),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        i128 u128 bytes byte_buf unit unit_struct tuple tuple_struct identifier
    }
}

impl<'de> IntoDeserializer<'de, Error> for Reader<'_> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

struct Items<'a> {
    items: &'a [Node],
    next: usize,
}

impl<'de> SeqAccess<'de> for Items<'_> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Error> {
        let Some(item) = self.items.get(self.next) else {
            return Ok(None);
        };
        let index = self.next;
        self.next += 1;
        let value = seed.deserialize(Reader(item));
        value
            .map(Some)
            .map_err(|error| error.within(index.to_string()))
    }
}

struct Members<'a> {
    members: &'a [(String, Node)],
    next: usize,
}

impl<'de> MapAccess<'de> for Members<'_> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Error> {
        let Some((name, _)) = self.members.get(self.next) else {
            return Ok(None);
        };
        // A struct refuses a repeated member by itself; a map would keep the last value.
        if self.members[..self.next]
            .iter()
            .any(|(known, _)| known == name)
        {
            return Err(Error::at(name, Kind::Duplicate));
        }
        seed.deserialize(StrDeserializer::new(name)).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        let Some((name, value)) = self.members.get(self.next) else {
            return Err(de::Error::custom("a value without a name"));
        };
        self.next += 1;
        let value = seed.deserialize(Reader(value));
        value.map_err(|error| error.within(escape_segment(name)))
    }
}
