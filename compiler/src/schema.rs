//! JSON Schema of fragments and policies, for editors.
//!
//! It is made from the types that the parser fills, and from the words that it knows. What JSON Schema cannot say (a path
//! beneath a file, two options that contradict each other) only `lint` finds. Draft 7, which every editor's YAML support
//! reads.

use std::borrow::Cow;
use std::marker::PhantomData;

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};
use state_schema::{
    MAX_NAME_LEN, MAX_PATH_LEN, MAX_SLOT_NAME_LEN, MAX_SLOTS, MountOptions, OnSysDataFailure,
};

use crate::fragment::{Fields, LANGUAGE_VERSION, Lifetime, Word};
use crate::lower::MAX_TEXT_LEN;

/// The schema of a fragment.
#[must_use]
pub fn of_fragments() -> Value {
    let mut definitions = definitions();
    definitions["declaration"] = declaration();
    json!({
        "$schema": DRAFT,
        "title": "A state fragment",
        "type": "object",
        "additionalProperties": false,
        "required": ["version", "state"],
        "properties": {
            "version": version(),
            "package": {"description": "The package that brings the fragment along.", "$ref": "#/definitions/text"},
            "state": state(),
        },
        "definitions": definitions,
    })
}

/// The schema of an image's policy.
#[must_use]
pub fn of_policies() -> Value {
    let mut definitions = definitions();
    definitions["declaration"] = declaration();
    definitions["override"] = fields();
    json!({
        "$schema": DRAFT,
        "title": "An image's state policy",
        "type": "object",
        "additionalProperties": false,
        "required": ["version"],
        "properties": {
            "version": version(),
            "image": image(),
            "override": {
                "description": "Fields that replace those of fragments.",
                "type": "object",
                "propertyNames": {"$ref": "#/definitions/path"},
                "additionalProperties": {"$ref": "#/definitions/override"},
            },
            "remove": {
                "description": "Paths whose declarations are dropped.",
                "type": "array",
                "items": {"$ref": "#/definitions/path"},
            },
            "state": state(),
        },
        "definitions": definitions,
    })
}

const DRAFT: &str = "http://json-schema.org/draft-07/schema#";

fn version() -> Value {
    json!({"description": "The version of the language.", "const": LANGUAGE_VERSION})
}

fn state() -> Value {
    json!({
        "description": "Paths, and what becomes of them.",
        "type": "object",
        "propertyNames": {"$ref": "#/definitions/path"},
        "additionalProperties": {"$ref": "#/definitions/declaration"},
    })
}

fn image() -> Value {
    json!({
        "description": "What belongs to the image: slots and data partition.",
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "slots": {
                "description": "Names of the slots.",
                "type": "array",
                "minItems": 1,
                "maxItems": MAX_SLOTS,
                "items": {"type": "string", "pattern": format!("^[A-Za-z0-9_][A-Za-z0-9_-]{{0,{}}}$", MAX_SLOT_NAME_LEN - 1)},
            },
            "slot-from": {
                "description": "How the kernel command line tells the slot: a parameter's name, or its value with `{slot}`.",
                "type": "array",
                "items": {"type": "string", "pattern": "^[^=\\s\"]+(=[^\\s\"]*\\{slot\\}[^\\s\"]*)?$"},
            },
            "sys-data": {
                "description": "The partition that holds all state.",
                "type": "object",
                "additionalProperties": false,
                "properties": {
                    "device": {"type": "string", "pattern": "^(PARTLABEL=|PARTUUID=|/dev/)."},
                    "fstype": {"$ref": "#/definitions/text"},
                    "options": {"type": "array", "items": {"$ref": "#/definitions/text"}},
                    "mount-point": {"$ref": "#/definitions/path"},
                },
            },
            "on-sys-data-failure": {"type": "string", "enum": words::<OnSysDataFailure>()},
        },
    })
}

fn definitions() -> Value {
    json!({
        "path": {
            "type": "string",
            "maxLength": MAX_PATH_LEN,
            "pattern": format!("^(/(?!\\.{{1,2}}(/|$))[^/\\u0000-\\u001f\\u007f]{{1,{MAX_NAME_LEN}}})+$"),
        },
        "text": {"type": "string", "maxLength": MAX_TEXT_LEN},
    })
}

/// The short form or the long one, in which the lifetime must be.
fn declaration() -> Value {
    let mut long = fields();
    long["required"] = json!(["lifetime"]);
    json!({"anyOf": [{"type": "string", "enum": words::<Lifetime>()}, long]})
}

fn fields() -> Value {
    let generator =
        SchemaSettings::draft07().with(|settings| settings.inline_subschemas = true).into_generator();
    let mut fields = generator.into_root_schema_for::<Fields>().to_value();
    if let Some(object) = fields.as_object_mut() {
        object.remove("$schema");
        object.remove("title");
        object.remove("description");
    }
    if let Some(properties) = fields.get_mut("properties").and_then(Value::as_object_mut) {
        properties.values_mut().for_each(forbid_null);
    }
    fields
}

/// What is left open is left out: `Option` also allows null, which the language does not.
fn forbid_null(property: &mut Value) {
    let Some(object) = property.as_object_mut() else { return };
    if let Some(kinds) = object.get_mut("type").and_then(Value::as_array_mut) {
        kinds.retain(|kind| kind != "null");
        if let [kind] = kinds.as_slice() {
            let kind = kind.clone();
            object.insert("type".to_owned(), kind);
        }
    }
    for list in ["enum", "anyOf"] {
        if let Some(alternatives) = object.get_mut(list).and_then(Value::as_array_mut) {
            alternatives.retain(|one| !one.is_null() && *one != json!({"type": "null"}));
        }
    }
}

fn words<T: Word>() -> Vec<&'static str> {
    T::WORDS.iter().map(|(word, _)| *word).collect()
}

/// Declares the forms of values: types that exist for their schema alone.
macro_rules! forms {
    ($($(#[doc = $doc:literal])* $name:ident => $schema:tt;)*) => {
        $(
            $(#[doc = $doc])*
            pub(crate) enum $name {}

            impl JsonSchema for $name {
                fn inline_schema() -> bool {
                    true
                }

                fn schema_name() -> Cow<'static, str> {
                    stringify!($name).into()
                }

                fn json_schema(_: &mut SchemaGenerator) -> Schema {
                    json_schema!($schema)
                }
            }
        )*
    };
}

forms! {
    /// A path.
    Path => {"$ref": "#/definitions/path"};
    /// A text.
    Text => {"$ref": "#/definitions/text"};
    /// A seed.
    SeedForm => {
        "anyOf": [
            {"type": "string", "enum": ["image", "empty"]},
            {
                "type": "object",
                "additionalProperties": false,
                "required": ["text"],
                "properties": {"text": {"$ref": "#/definitions/text"}},
            },
        ],
    };
    /// A user or group: text that is no number is a name; a number is below what `chown(2)` reserves.
    AccountForm => {
        "anyOf": [
            {"type": "integer", "minimum": 0, "maximum": u32::MAX - 1},
            {"type": "string", "pattern": "^([^:\\n\\u0000+\\-0-9][^:\\n\\u0000]*|[0-9]+[^:\\n\\u00000-9][^:\\n\\u0000]*|[0-9]{1,9})$"},
        ],
    };
    /// Permissions.
    ModeForm => {"type": "string", "pattern": "^[0-7]{3,4}$"};
    /// A size.
    SizeForm => {
        "anyOf": [
            {"type": "integer", "minimum": 1},
            {"type": "string", "pattern": "^[0-9]*[1-9][0-9]*[KMG]?$"},
        ],
    };
    /// A word that sets or lifts an attribute of a mount.
    MountOption => {
        "type": "string",
        "enum": MountOptions::WORDS.iter().flat_map(|&(_, set, lifted)| [set, lifted]).collect::<Vec<_>>(),
    };
}

/// One of the words of a type.
pub(crate) struct OneOf<T>(PhantomData<T>);

impl<T: Word> JsonSchema for OneOf<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        words::<T>().join("-or-").into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "enum": words::<T>()})
    }
}
