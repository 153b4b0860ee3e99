//! The OpenAPI document as the API serves it: its operations, valid requests to them, and the
//! expected kind of each value in their bodies. It supports only the part of JSON Schema that our
//! own document uses.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use reqwest::Method;
use serde_json::{Map, Value, json};

/// The document.
pub struct Document(Value);

/// One method of one path.
#[derive(Debug, Clone)]
pub struct Operation {
    pub id: String,
    pub method: Method,
    /// `/api/v1/events/{event_id}`
    pub path: String,
    pub parameters: Vec<Parameter>,
    /// The schema of the JSON body and valid bodies, if the operation takes a body.
    pub body: Option<(Value, Vec<Value>)>,
    pub needs_token: bool,
}

#[derive(Debug, Clone)]
pub struct Parameter {
    pub name: String,
    /// `path`, `query` or `header`.
    pub place: String,
    pub required: bool,
    pub schema: Value,
}

/// A member of a body: its place and its schema.
#[derive(Debug, Clone)]
pub struct Member {
    /// JSON pointer.
    pub pointer: String,
    pub schema: Value,
    pub required: bool,
    /// It tells which alternative of the schema the body is, so without it the body is another one.
    pub selects_alternative: bool,
}

impl Document {
    pub async fn fetch(http: &str) -> Result<Self> {
        Ok(Self(
            reqwest::get(format!("{http}/api/openapi.json"))
                .await?
                .error_for_status()?
                .json()
                .await?,
        ))
    }

    pub fn operations(&self) -> Result<Vec<Operation>> {
        let mut operations = vec![];
        for (path, item) in self.0["paths"].as_object().context("no paths")? {
            for method in [
                Method::GET,
                Method::POST,
                Method::PUT,
                Method::PATCH,
                Method::DELETE,
            ] {
                let operation = &item[method.as_str().to_lowercase()];
                if operation.is_object() {
                    operations.push(self.operation(path, method, item, operation)?);
                }
            }
        }
        Ok(operations)
    }

    fn operation(
        &self,
        path: &str,
        method: Method,
        item: &Value,
        operation: &Value,
    ) -> Result<Operation> {
        let all = [&item["parameters"], &operation["parameters"]];
        let parameters = all
            .into_iter()
            .filter_map(Value::as_array)
            .flatten()
            .map(|parameter| {
                let parameter = self.resolve(parameter);
                let text =
                    |member: &str| parameter[member].as_str().unwrap_or_default().to_string();
                Parameter {
                    name: text("name"),
                    place: text("in"),
                    required: parameter["required"] == true,
                    schema: self.resolve(&parameter["schema"]).clone(),
                }
            });
        let media = &operation["requestBody"]["content"]["application/json"];
        let body = media["schema"].as_object().map(|schema| {
            let schema = Value::Object(schema.clone());
            let mut examples: Vec<Value> = media.get("example").cloned().into_iter().collect();
            examples.extend(
                media["examples"]
                    .as_object()
                    .into_iter()
                    .flatten()
                    .map(|(_, example)| example["value"].clone()),
            );
            if examples.is_empty() {
                examples.push(self.sample(&schema));
            }
            (schema, examples)
        });
        Ok(Operation {
            id: operation["operationId"]
                .as_str()
                .context("no operationId")?
                .into(),
            method,
            path: path.into(),
            parameters: parameters.collect(),
            body,
            needs_token: operation["security"].as_array().is_some_and(|ways| {
                ways.iter().all(|way| way.get("bearer").is_some()) && !ways.is_empty()
            }),
        })
    }

    /// The target of a reference.
    pub fn resolve<'a>(&'a self, mut schema: &'a Value) -> &'a Value {
        while let Some(reference) = schema["$ref"].as_str() {
            schema = reference
                .strip_prefix('#')
                .and_then(|pointer| self.0.pointer(pointer))
                .unwrap_or(&Value::Null);
        }
        schema
    }

    /// A valid value.
    pub fn sample(&self, schema: &Value) -> Value {
        let schema = self.resolve(schema);
        let first = |list: &Value| list.as_array().and_then(|list| list.first()).cloned();
        if let Some(value) = schema
            .get("const")
            .cloned()
            .or_else(|| first(&schema["enum"]))
            .or_else(|| first(&schema["examples"]))
        {
            return value;
        }
        if let Some(alternative) = first(&schema["oneOf"]) {
            return self.sample(&alternative);
        }
        match types(schema).first().map(String::as_str) {
            Some("object") => {
                let lists = [&schema["required"], &schema["anyOf"][0]["required"]];
                let names = lists
                    .into_iter()
                    .filter_map(Value::as_array)
                    .flatten()
                    .filter_map(Value::as_str);
                Value::Object(
                    names
                        .map(|name| (name.to_string(), self.sample(&schema["properties"][name])))
                        .collect::<Map<_, _>>(),
                )
            }
            Some("array") => {
                let least = schema["minItems"].as_u64().unwrap_or(1).max(1);
                (0..least).map(|_| self.sample(&schema["items"])).collect()
            }
            Some("integer" | "number") => json!(schema["minimum"].as_i64().unwrap_or(1).max(1)),
            Some("boolean") => json!(true),
            _ => id_prefix(schema).map_or(json!("abc"), |prefix| {
                json!(format!("{prefix}_01jdg3v0000000000000000000"))
            }),
        }
    }

    /// Every member of a body at every depth, including its absent optional members.
    pub fn members(&self, schema: &Value, body: &Value) -> Vec<Member> {
        let mut members = vec![];
        self.collect(
            schema,
            Some(body),
            String::new(),
            (true, false),
            &mut members,
        );
        members
    }

    fn collect(
        &self,
        schema: &Value,
        body: Option<&Value>,
        pointer: String,
        (required, selects_alternative): (bool, bool),
        members: &mut Vec<Member>,
    ) {
        let has_alternatives = self.resolve(schema)["oneOf"].is_array();
        let schema = self.alternative(schema, body);
        members.push(Member {
            pointer: pointer.clone(),
            schema: schema.clone(),
            required,
            selects_alternative,
        });
        for (name, of_member) in schema["properties"].as_object().into_iter().flatten() {
            let needed = schema["required"]
                .as_array()
                .is_some_and(|names| names.iter().any(|known| known == name));
            let value = body.and_then(|body| body.get(name));
            // An absent member has no members to replace.
            if value.is_some() || body.is_some() {
                self.collect(
                    of_member,
                    value,
                    format!("{pointer}/{name}"),
                    (needed, has_alternatives),
                    members,
                );
            }
        }
        if let Some(first) = body.and_then(|body| body.get(0)) {
            self.collect(
                &schema["items"],
                Some(first),
                format!("{pointer}/0"),
                (true, false),
                members,
            );
        }
    }

    /// The alternative that has the members of the body.
    fn alternative<'a>(&'a self, schema: &'a Value, body: Option<&Value>) -> &'a Value {
        let schema = self.resolve(schema);
        let has = |alternative: &&'a Value| {
            let names = body.and_then(Value::as_object).into_iter().flatten();
            names
                .into_iter()
                .all(|(name, _)| self.resolve(alternative)["properties"].get(name).is_some())
        };
        let found = schema["oneOf"].as_array().into_iter().flatten().find(has);
        found.map_or(schema, |alternative| self.resolve(alternative))
    }
}

/// The prefix of the ids that a pattern allows: `evt`.
pub fn id_prefix(schema: &Value) -> Option<&str> {
    let (prefix, digits) = schema["pattern"]
        .as_str()?
        .strip_prefix('^')?
        .split_once('_')?;
    digits.starts_with("[0-7]").then_some(prefix)
}

/// `type`, as a list.
pub fn types(schema: &Value) -> Vec<String> {
    match &schema["type"] {
        Value::String(one) => vec![one.clone()],
        Value::Array(several) => several
            .iter()
            .filter_map(|one| one.as_str().map(str::to_string))
            .collect(),
        _ if schema["properties"].is_object() => vec!["object".into()],
        _ => vec![],
    }
}

/// A body with ids of our own in place of those of the document's examples; `ids` by prefix.
pub fn with_ids(body: &Value, ids: &BTreeMap<&str, String>) -> Value {
    match body {
        Value::String(text) => {
            let own = text
                .split_once('_')
                .filter(|(_, digits)| digits.len() == 26)
                .and_then(|(prefix, _)| ids.get(prefix));
            json!(own.unwrap_or(text))
        }
        Value::Array(items) => items.iter().map(|item| with_ids(item, ids)).collect(),
        Value::Object(members) => members
            .iter()
            .map(|(name, value)| (name.clone(), with_ids(value, ids)))
            .collect(),
        other => other.clone(),
    }
}

/// The body with another value at a pointer; the parent must be there.
pub fn put(body: &Value, pointer: &str, value: Value) -> Value {
    let mut body = body.clone();
    let Some((parent, name)) = pointer.rsplit_once('/') else {
        return value;
    };
    match body.pointer_mut(parent) {
        Some(Value::Object(members)) => drop(members.insert(name.into(), value)),
        Some(Value::Array(items)) => {
            if let Some(place) = name.parse::<usize>().ok().and_then(|at| items.get_mut(at)) {
                *place = value;
            }
        }
        _ => {}
    }
    body
}
