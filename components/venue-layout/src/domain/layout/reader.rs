//! Reads JSON in one pass without stopping at the first fault: a wrong value is recorded with its JSON
//! pointer and skipped, and reading goes on. Skipped values are never built, so memory is bounded by
//! the correct part.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;
use std::marker::PhantomData;

use eventhub_guest::problem::Fault;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::MAX_FAULTS;
use super::model::LocalId;

#[derive(Clone, Copy)]
enum Step {
    Member(&'static str),
    Index(usize),
}

/// The faults so far, and the pointer to the value that is being read.
#[derive(Default)]
pub struct Reader {
    faults: Vec<Fault>,
    path: Vec<Step>,
    /// Ids of the siblings: of sections and areas, of rows and tables, of seats.
    siblings: [HashSet<LocalId>; 3],
    /// Seats read, faulty ones included.
    pub seats: usize,
}

/// Which siblings an id is compared with.
#[derive(Clone, Copy)]
pub enum Level {
    Top = 0,
    Group = 1,
    Seat = 2,
}

impl Reader {
    /// Records a fault of the value that is being read.
    pub fn fault(&mut self, code: &'static str, detail: impl Into<String>) {
        if self.faults.len() < MAX_FAULTS {
            self.faults.push(Fault::new(self.pointer(), code, detail));
        }
    }

    /// Records a fault of a member of the object that is being read.
    pub fn fault_at(&mut self, member: &str, code: &'static str, detail: impl Into<String>) {
        if self.faults.len() < MAX_FAULTS {
            let member = member.replace('~', "~0").replace('/', "~1");
            self.faults.push(Fault::new(
                format!("{}/{member}", self.pointer()),
                code,
                detail,
            ));
        }
    }

    pub fn is_ok(&self) -> bool {
        self.faults.is_empty()
    }

    pub fn into_faults(self) -> Vec<Fault> {
        self.faults
    }

    /// Forgets the ids of a level: another parent begins.
    pub fn begin(&mut self, level: Level) {
        self.siblings[level as usize].clear();
    }

    /// The id of an element, recorded among its siblings.
    pub fn read_id(&mut self, value: &Scalar, level: Level) -> Option<LocalId> {
        let text = self.expect_text(value)?;
        let Some(id) = LocalId::parse(text) else {
            self.fault("invalid_id", "must be 1 to 8 of A-Z a-z 0-9 .");
            return None;
        };
        if !self.siblings[level as usize].insert(id) {
            self.fault("duplicate", format!("{text} is used by a sibling already"));
        }
        Some(id)
    }

    pub fn expect_text<'a>(&mut self, value: &'a Scalar) -> Option<&'a str> {
        if let Scalar::Text(text) = value {
            return Some(text);
        }
        self.fault(
            "wrong_type",
            format!("must be a text, not {}", value.kind()),
        );
        None
    }

    /// A text of 1 to `max` characters without control characters or white space around it.
    pub fn read_line(&mut self, value: &Scalar, max: usize) -> Option<String> {
        let text = self.expect_text(value)?;
        let length = text.chars().count();
        if length == 0 {
            self.fault("too_short", "must not be empty");
        } else if length > max {
            self.fault("too_long", format!("must have at most {max} characters"));
        } else if text.chars().any(char::is_control) {
            self.fault("invalid_character", "must not contain control characters");
        } else if text.trim() != text {
            self.fault(
                "surrounding_space",
                "must not begin or end with white space",
            );
        } else {
            return Some(text.to_string());
        }
        None
    }

    pub fn read_number(&mut self, value: &Scalar, min: f64, max: f64) -> Option<f64> {
        let Scalar::Number(number) = *value else {
            self.fault(
                "wrong_type",
                format!("must be a number, not {}", value.kind()),
            );
            return None;
        };
        if !(min..=max).contains(&number) {
            self.fault("out_of_range", format!("must be {min} to {max}"));
            return None;
        }
        // Adding zero turns -0 into 0.
        Some(number + 0.0)
    }

    /// Reads a value at a member. After an error the path stays, so that [`Reader::pointer`] says
    /// where it was.
    pub fn at_member<T, E>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&mut Self) -> Result<T, E>,
    ) -> Result<T, E> {
        self.at(Step::Member(name), read)
    }

    pub fn at_index<T, E>(
        &mut self,
        index: usize,
        read: impl FnOnce(&mut Self) -> Result<T, E>,
    ) -> Result<T, E> {
        self.at(Step::Index(index), read)
    }

    fn at<T, E>(
        &mut self,
        step: Step,
        read: impl FnOnce(&mut Self) -> Result<T, E>,
    ) -> Result<T, E> {
        self.path.push(step);
        let value = read(self)?;
        self.path.pop();
        Ok(value)
    }

    pub fn pointer(&self) -> String {
        self.path
            .iter()
            .fold(String::new(), |pointer, step| match step {
                Step::Member(name) => pointer + "/" + name,
                Step::Index(index) => pointer + "/" + &index.to_string(),
            })
    }
}

/// A value that is neither a list nor an object, or the kind that it is instead.
#[derive(Debug)]
pub enum Scalar<'de> {
    Null,
    Boolean,
    Number(f64),
    Text(Cow<'de, str>),
    List,
    Object,
}

impl Scalar<'_> {
    pub fn kind(&self) -> &'static str {
        match self {
            Scalar::Null => "null",
            Scalar::Boolean => "a boolean",
            Scalar::Number(_) => "a number",
            Scalar::Text(_) => "a text",
            Scalar::List => "a list",
            Scalar::Object => "an object",
        }
    }
}

struct ScalarVisitor;

/// The methods of a visitor that only hand a [`Scalar`] to one place.
macro_rules! scalars {
    ($value:ty, $take:expr) => {
        fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
            f.write_str("any JSON value")
        }
        fn visit_unit<Failure>(self) -> Result<$value, Failure> {
            $take(self, Scalar::Null)
        }
        fn visit_bool<Failure>(self, _: bool) -> Result<$value, Failure> {
            $take(self, Scalar::Boolean)
        }
        fn visit_u64<Failure>(self, value: u64) -> Result<$value, Failure> {
            $take(self, Scalar::Number(value as f64))
        }
        fn visit_i64<Failure>(self, value: i64) -> Result<$value, Failure> {
            $take(self, Scalar::Number(value as f64))
        }
        fn visit_f64<Failure>(self, value: f64) -> Result<$value, Failure> {
            $take(self, Scalar::Number(value))
        }
        fn visit_str<Failure>(self, value: &str) -> Result<$value, Failure> {
            $take(self, Scalar::Text(Cow::Owned(value.to_string())))
        }
        fn visit_borrowed_str<Failure>(self, value: &'de str) -> Result<$value, Failure> {
            $take(self, Scalar::Text(Cow::Borrowed(value)))
        }
    };
}

fn skip_list<'de, A: SeqAccess<'de>>(mut list: A) -> Result<(), A::Error> {
    while list.next_element::<IgnoredAny>()?.is_some() {}
    Ok(())
}

fn skip_object<'de, A: MapAccess<'de>>(mut object: A) -> Result<(), A::Error> {
    while object.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
    Ok(())
}

impl<'de> Visitor<'de> for ScalarVisitor {
    type Value = Scalar<'de>;
    scalars!(Scalar<'de>, |_, scalar| Ok(scalar));
    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Scalar<'de>, A::Error> {
        skip_list(list)?;
        Ok(Scalar::List)
    }
    fn visit_map<A: MapAccess<'de>>(self, object: A) -> Result<Scalar<'de>, A::Error> {
        skip_object(object)?;
        Ok(Scalar::Object)
    }
}

impl<'de> serde::Deserialize<'de> for Scalar<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ScalarVisitor)
    }
}

/// An object's rules: its members and what becomes of them.
pub trait Members<'de>: Sized {
    type Output;
    /// Name, and whether it must be there. At most 16.
    const KNOWN: &'static [(&'static str, bool)];
    fn begin(reader: &mut Reader) -> Self;
    /// Reads the value of the member with that index in `KNOWN`.
    fn member<A: MapAccess<'de>>(
        &mut self,
        index: usize,
        reader: &mut Reader,
        map: &mut A,
    ) -> Result<(), A::Error>;
    /// The result; none where a part is missing or faulty, which the reader has recorded.
    fn finish(self, reader: &mut Reader) -> Option<Self::Output>;
}

/// Reads an object by its rules.
pub struct Object<'r, M>(pub &'r mut Reader, PhantomData<M>);

impl<'r, M> Object<'r, M> {
    pub fn new(reader: &'r mut Reader) -> Self {
        Self(reader, PhantomData)
    }

    fn wrong<V>(self, scalar: Scalar) -> Option<V> {
        self.0.fault(
            "wrong_type",
            format!("must be an object, not {}", scalar.kind()),
        );
        None
    }
}

impl<'de, M: Members<'de>> DeserializeSeed<'de> for Object<'_, M> {
    type Value = Option<M::Output>;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

/// Index of a known member, or the name of an unknown one.
struct Name<'k>(&'k [(&'static str, bool)]);

impl<'de> DeserializeSeed<'de> for Name<'_> {
    type Value = Result<usize, String>;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Name<'_> {
    type Value = Result<usize, String>;
    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a member's name")
    }
    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        // An unknown name is echoed in the pointer: shortened, since a client may send megabytes.
        let echo = || name.chars().take(100).collect();
        Ok(self
            .0
            .iter()
            .position(|(known, _)| *known == name)
            .ok_or_else(echo))
    }
}

impl<'de, M: Members<'de>> Visitor<'de> for Object<'_, M> {
    type Value = Option<M::Output>;
    scalars!(Self::Value, |this: Self, scalar| Ok(this.wrong(scalar)));

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Self::Value, A::Error> {
        skip_list(list)?;
        Ok(self.wrong(Scalar::List))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let reader = self.0;
        let mut rules = M::begin(reader);
        let mut seen = 0u16;
        while let Some(name) = map.next_key_seed(Name(M::KNOWN))? {
            match name {
                Ok(index) if seen & (1 << index) == 0 => {
                    seen |= 1 << index;
                    reader.at_member(M::KNOWN[index].0, |reader| {
                        rules.member(index, reader, &mut map)
                    })?;
                }
                Ok(index) => {
                    reader.fault_at(M::KNOWN[index].0, "duplicate", "comes twice");
                    map.next_value::<IgnoredAny>()?;
                }
                Err(name) => {
                    reader.fault_at(&name, "unknown_field", "is not a member here");
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        for (index, (name, required)) in M::KNOWN.iter().enumerate() {
            if *required && seen & (1 << index) == 0 {
                reader.fault_at(name, "required", "is missing");
            }
        }
        Ok(rules.finish(reader))
    }
}

/// How the elements of a list are read. Outer none: the list is at its end; inner none: the element
/// is faulty.
pub trait Element<'de> {
    type Output;
    fn next<A: SeqAccess<'de>>(
        reader: &mut Reader,
        list: &mut A,
    ) -> Result<Option<Option<Self::Output>>, A::Error>;
}

impl<'de, M: Members<'de>> Element<'de> for M {
    type Output = M::Output;
    fn next<A: SeqAccess<'de>>(
        reader: &mut Reader,
        list: &mut A,
    ) -> Result<Option<Option<M::Output>>, A::Error> {
        list.next_element_seed(Object::<M>::new(reader))
    }
}

/// The elements of a list.
pub struct Elements<T> {
    /// The correct ones, up to the first fault of the body.
    pub items: Vec<T>,
    /// How many there were, correct or not; none where it was not a list.
    pub length: Option<usize>,
}

impl<T> Elements<T> {
    /// Whether it is a list with fewer elements than that.
    pub fn shorter_than(&self, length: usize) -> bool {
        self.length.is_some_and(|own| own < length)
    }
}

impl<T> Default for Elements<T> {
    fn default() -> Self {
        Self {
            items: vec![],
            length: Some(0),
        }
    }
}

/// Reads a list of `min` to `max` elements.
pub struct List<'r, E> {
    reader: &'r mut Reader,
    min: usize,
    max: usize,
    element: PhantomData<E>,
}

impl<'r, E> List<'r, E> {
    pub fn new(reader: &'r mut Reader, min: usize, max: usize) -> Self {
        Self {
            reader,
            min,
            max,
            element: PhantomData,
        }
    }

    fn read_scalar<V>(self, scalar: Scalar) -> Elements<V> {
        // A list that may be empty may be absent as well, and null is absence.
        if matches!(scalar, Scalar::Null) && self.min == 0 {
            return Elements::default();
        }
        self.reader.fault(
            "wrong_type",
            format!("must be a list, not {}", scalar.kind()),
        );
        Elements {
            items: vec![],
            length: None,
        }
    }
}

impl<'de, E: Element<'de>> DeserializeSeed<'de> for List<'_, E> {
    type Value = Elements<E::Output>;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, E: Element<'de>> Visitor<'de> for List<'_, E> {
    type Value = Elements<E::Output>;
    scalars!(Self::Value, |this: Self, scalar| Ok(
        this.read_scalar(scalar)
    ));

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let Self {
            reader, min, max, ..
        } = self;
        let mut items = vec![];
        let mut length = 0;
        loop {
            if length == max {
                if list.next_element::<IgnoredAny>()?.is_some() {
                    reader.fault("too_many", format!("must have at most {max} elements"));
                    skip_list(list)?;
                }
                break;
            }
            match reader.at_index(length, |reader| E::next(reader, &mut list))? {
                None => break,
                // After a fault, elements are read for their own faults only.
                Some(Some(element)) if reader.is_ok() => items.push(element),
                Some(_) => {}
            }
            length += 1;
        }
        if length < min {
            reader.fault("too_few", format!("must have at least {min}"));
        }
        Ok(Elements {
            items,
            length: Some(length),
        })
    }

    fn visit_map<A: MapAccess<'de>>(self, object: A) -> Result<Self::Value, A::Error> {
        skip_object(object)?;
        Ok(self.read_scalar(Scalar::Object))
    }
}
