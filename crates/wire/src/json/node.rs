//! JSON that is read through, because parts of it change: what providers put beside a message, and input that is
//! still to be completed.

use super::{
    DEPTH_MAX, FromJson, JsonError, Lenient, Oddities, ToJson, Writer, scan::Scanner,
    serde_by_text, write_string,
};

/// How deep a text that is read as far as it has come may be nested: what it becomes part of must be read again.
pub const PARTIAL_DEPTH_MAX: usize = 64;

/// Any JSON value. Equal where the JSON means the same, but for numbers, which are equal where their text is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Node {
    /// `null`.
    #[default]
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number as it was written: nothing is lost, whatever its size.
    Number(String),
    /// A text.
    String(String),
    /// A list.
    Array(Vec<Node>),
    /// An object.
    Object(Object),
}

impl Node {
    /// Reads the start of a JSON text as far as it goes. Open texts, lists and objects are closed. A key without its value
    /// and a half-written word are left out. `None` if the text is not the start of any JSON value, is nested deeper than
    /// [`PARTIAL_DEPTH_MAX`], or is too short to tell.
    pub fn read_partial(text: &str) -> Option<Self> {
        let mut scanner = Scanner::partial(text);
        let node = scanner.node(DEPTH_MAX - PARTIAL_DEPTH_MAX).ok()?;
        scanner.end().ok()?;
        Some(node)
    }

    /// A text.
    pub fn text(text: &str) -> Self {
        Self::String(text.to_owned())
    }

    /// The text, of a text.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::Array(_) | Self::Object(_) => None,
        }
    }

    /// The fields, of an object.
    pub fn as_object(&self) -> Option<&Object> {
        match self {
            Self::Object(object) => Some(object),
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::String(_) | Self::Array(_) => None,
        }
    }

    /// The items, of a list.
    pub fn as_array(&self) -> Option<&[Self]> {
        match self {
            Self::Array(items) => Some(items),
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::String(_) | Self::Object(_) => {
                None
            }
        }
    }

    /// The value of a field, of an object.
    pub fn get(&self, name: &str) -> Option<&Self> {
        self.as_object()?.get(name)
    }

    /// The text of a field, of an object.
    pub fn text_of(&self, name: &str) -> Option<&str> {
        self.get(name)?.as_str()
    }

    /// Whether it is `null`.
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }
}

impl FromJson for Node {
    fn from_json(text: &str) -> Result<Self, JsonError> {
        Self::read(text, &mut Oddities::default())
    }
}

/// Any value is as it should be; only whether a text holds half of a surrogate pair is noted.
impl Lenient for Node {
    fn read(text: &str, odd: &mut Oddities) -> Result<Self, JsonError> {
        let mut scanner = Scanner::new(text);
        let node = scanner.node(0)?;
        scanner.end()?;
        odd.has_half |= scanner.has_half;
        Ok(node)
    }
}

impl ToJson for Node {
    fn write_json(&self, out: &mut String) {
        match self {
            Self::Null => out.push_str("null"),
            Self::Bool(true) => out.push_str("true"),
            Self::Bool(false) => out.push_str("false"),
            Self::Number(text) => out.push_str(text),
            Self::String(text) => write_string(out, text),
            Self::Array(items) => {
                let mut list = Writer::list(out);
                for item in items {
                    item.write_json(list.item());
                }
                list.end();
            }
            Self::Object(object) => object.write_json(out),
        }
    }
}

/// An object's fields in the order they came. Equal where the same fields stand in it, in whatever order.
#[derive(Debug, Clone, Default, Eq)]
pub struct Object(pub(super) Vec<(String, Node)>);

impl Object {
    /// Whether it has no fields.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The number of its fields.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The value of a field; of a field that was written twice, the last.
    pub fn get(&self, name: &str) -> Option<&Node> {
        let found = self.0.iter().rev().find(|(key, _)| key == name);
        found.map(|(_, value)| value)
    }

    /// The text of a field.
    pub fn text_of(&self, name: &str) -> Option<&str> {
        self.get(name)?.as_str()
    }

    /// The same as [`Object::get`], to be changed.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut Node> {
        let found = self.0.iter_mut().rev().find(|(key, _)| key == name);
        found.map(|(_, value)| value)
    }

    /// Sets a field, in its place or as the last.
    pub fn insert(&mut self, name: String, value: Node) {
        match self.get_mut(&name) {
            Some(have) => *have = value,
            None => self.0.push((name, value)),
        }
    }

    /// The same, of a name that is not owned.
    pub fn set(&mut self, name: &str, value: Node) {
        self.insert(name.to_owned(), value);
    }

    /// Takes a field out.
    pub fn remove(&mut self, name: &str) {
        self.0.retain(|(key, _)| key != name);
    }

    /// The fields, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Node)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value))
    }

    /// Sets every field of `more`.
    pub fn extend(&mut self, more: Self) {
        for (name, value) in more.0 {
            self.insert(name, value);
        }
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut (String, Node)> {
        self.0.iter_mut()
    }

    pub(crate) fn into_fields(self) -> Vec<(String, Node)> {
        self.0
    }
}

impl PartialEq for Object {
    fn eq(&self, other: &Self) -> bool {
        let mut at = 0;
        self.0.len() == other.0.len()
            && self.0.iter().all(|(key, value)| {
                // Nearly always both are in one order.
                let same_place = other.0.get(at).filter(|(name, _)| name == key);
                at += 1;
                let theirs = same_place.map_or_else(|| other.get(key), |(_, value)| Some(value));
                theirs == Some(value)
            })
    }
}

impl FromJson for Object {
    fn from_json(text: &str) -> Result<Self, JsonError> {
        Self::read(text, &mut Oddities::default())
    }
}

impl Lenient for Object {
    fn read(text: &str, odd: &mut Oddities) -> Result<Self, JsonError> {
        match Node::read(text, odd)? {
            Node::Object(object) => Ok(object),
            Node::Null | Node::Bool(_) | Node::Number(_) | Node::String(_) | Node::Array(_) => {
                Err(JsonError::expected("an object"))
            }
        }
    }
}

impl ToJson for Object {
    fn write_json(&self, out: &mut String) {
        let mut object = Writer::object(out);
        for (key, value) in &self.0 {
            value.write_json(object.field(key));
        }
        object.end();
    }
}

serde_by_text!(Node, Object);
