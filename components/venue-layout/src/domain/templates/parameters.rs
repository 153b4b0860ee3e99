//! Parameters of a template: one table says names, bounds and defaults; checks and JSON Schema come
//! from it.

use eventhub_guest::Check;
use eventhub_guest::validate::check_line;
use serde_json::{Map, Value, json};

use super::Template;

pub struct Parameter {
    pub name: &'static str,
    pub description: &'static str,
    pub kind: Kind,
}

pub enum Kind {
    Integer {
        min: i64,
        max: i64,
        default: i64,
    },
    Boolean {
        default: bool,
    },
    /// The id of a price category.
    Category {
        default: &'static str,
    },
}

impl Parameter {
    pub const fn integer(
        name: &'static str,
        min: i64,
        max: i64,
        default: i64,
        description: &'static str,
    ) -> Self {
        Self {
            name,
            description,
            kind: Kind::Integer { min, max, default },
        }
    }

    pub const fn boolean(name: &'static str, default: bool, description: &'static str) -> Self {
        Self {
            name,
            description,
            kind: Kind::Boolean { default },
        }
    }

    pub const fn category(
        name: &'static str,
        default: &'static str,
        description: &'static str,
    ) -> Self {
        Self {
            name,
            description,
            kind: Kind::Category { default },
        }
    }

    fn default(&self) -> Value {
        match self.kind {
            Kind::Integer { default, .. } => default.into(),
            Kind::Boolean { default } => default.into(),
            Kind::Category { default } => default.into(),
        }
    }

    fn schema(&self) -> Value {
        let mut schema = match self.kind {
            Kind::Integer { min, max, .. } => {
                json!({"type": "integer", "minimum": min, "maximum": max})
            }
            Kind::Boolean { .. } => json!({"type": "boolean"}),
            Kind::Category { .. } => json!({"type": "string", "minLength": 1, "maxLength": 64}),
        };
        if let Some(object) = schema.as_object_mut() {
            object.insert("description".into(), self.description.into());
            object.insert("default".into(), self.default());
        }
        schema
    }

    fn check(&self, value: &Value, check: &mut Check) {
        let at = format!("/parameters/{}", self.name);
        match self.kind {
            Kind::Integer { min, max, .. } => match whole_number(value) {
                None => {
                    _ = check.that(
                        false,
                        at,
                        "wrong_type",
                        format!("must be a whole number from {min} to {max}"),
                    )
                }
                Some(number) => {
                    _ = check.that(
                        (min..=max).contains(&number),
                        at,
                        "out_of_range",
                        format!("must be {min} to {max}"),
                    )
                }
            },
            Kind::Boolean { .. } => {
                _ = check.that(
                    value.is_boolean(),
                    at,
                    "wrong_type",
                    "must be true or false",
                )
            }
            Kind::Category { .. } => match value.as_str() {
                None => _ = check.that(false, at, "wrong_type", "must be a text"),
                Some(text) => {
                    check_line(check, &at, text, 1, 64);
                }
            },
        }
    }
}

/// In JSON Schema 24.0 is a whole number, too.
fn whole_number(value: &Value) -> Option<i64> {
    let written_with_a_point = || {
        value
            .as_f64()
            .filter(|number| number.fract() == 0.0 && number.abs() < 1e9)
            .map(|number| number as i64)
    };
    value.as_i64().or_else(written_with_a_point)
}

/// Checked values of all parameters, defaults filled in.
pub struct Values(Map<String, Value>);

impl Values {
    pub fn integer(&self, name: &str) -> i64 {
        self.0.get(name).and_then(whole_number).unwrap_or_default()
    }

    pub fn boolean(&self, name: &str) -> bool {
        self.0
            .get(name)
            .and_then(Value::as_bool)
            .unwrap_or_default()
    }

    pub fn category(&self, name: &str) -> String {
        self.0
            .get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_string()
    }
}

impl Template {
    /// The given values with the defaults of the others; null is absence. All faults go to `check`;
    /// use the values only if it has none.
    pub fn check_values(&self, given: &Map<String, Value>, check: &mut Check) -> Values {
        for name in given
            .keys()
            .filter(|name| !self.parameters.iter().any(|known| known.name == *name))
        {
            let escaped = name.replace('~', "~0").replace('/', "~1");
            check.that(
                false,
                format!("/parameters/{escaped}"),
                "unknown_field",
                "is not a parameter of this template",
            );
        }
        let values = self.parameters.iter().map(|parameter| {
            let value = given.get(parameter.name).filter(|value| !value.is_null());
            let value = value.cloned().unwrap_or_else(|| parameter.default());
            parameter.check(&value, check);
            (parameter.name.to_string(), value)
        });
        Values(values.collect())
    }

    /// The JSON Schema of the parameters.
    pub fn schema(&self) -> Value {
        let properties: Map<_, _> = self
            .parameters
            .iter()
            .map(|parameter| (parameter.name.to_string(), parameter.schema()))
            .collect();
        json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object",
            "additionalProperties": false,
            "properties": properties,
        })
    }
}
