//! Reading the JSON objects that JavaScript gives: options, submissions, joins, results of tools.

use js_sys::{Error, Reflect};
use rejoin_core::{
    Millis,
    wire::{
        Json,
        json::{FromJson, fields, whole_number},
        request::StreamMode,
    },
};
use std::cell::Cell;
use wasm_bindgen::JsValue;

/// The words for an unknown field.
pub(crate) const UNKNOWN: &str = "left out: it is not known";

/// The words of [`StreamMode`], for who got them wrong.
const MODES: &str = "a list of values, messages, messages-tuple, updates, events, debug, tasks, checkpoints, custom or tools";

/// An `Error` with the code `invalid_option`: `option` must be what `wanted` says.
pub(crate) fn invalid(option: &str, wanted: &str) -> JsValue {
    let error = Error::new(&["The option \"", option, "\" must be ", wanted, "."].concat());
    // A new error can be written to.
    drop(Reflect::set(
        &error,
        &"code".into(),
        &"invalid_option".into(),
    ));
    drop(Reflect::set(&error, &"option".into(), &option.into()));
    error.into()
}

/// The first fault of an object and of the objects within it.
#[derive(Default)]
pub(crate) struct Wrong(Cell<Option<JsValue>>);

impl Wrong {
    fn note(&self, option: &str, wanted: &str) {
        let first = self.0.take();
        self.0
            .set(Some(first.unwrap_or_else(|| invalid(option, wanted))));
    }

    /// Gives `read` if nothing was wrong.
    pub(crate) fn or<T>(self, read: T) -> Result<T, JsValue> {
        self.0.take().map_or(Ok(read), Err)
    }
}

/// An object's fields, each taken by its name. Faults are noted, and reading goes on: a check after each field would be most
/// of this code. `null` counts as absent.
pub(crate) struct Fields<'a> {
    /// Of each field that was not taken yet, its name and its value as written.
    left: Vec<(String, &'a str)>,
    /// The option they are of, where it is not the whole that was given.
    path: &'a str,
    wrong: &'a Wrong,
}

impl<'a> Fields<'a> {
    /// Those of an object that is called `name`.
    pub(crate) fn of(name: &str, text: &'a str, wrong: &'a Wrong) -> Self {
        let mut left = Vec::new();
        let read = fields(text, &mut |name, value| {
            left.push((name.to_owned(), value));
            Ok(())
        });
        if read.is_err() {
            wrong.note(name, "a JSON object");
        }
        Self {
            left,
            path: "",
            wrong,
        }
    }

    #[inline(never)]
    pub(crate) fn wrong(&self, name: &str, wanted: &str) {
        match self.path {
            "" => self.wrong.note(name, wanted),
            path => self.wrong.note(&[path, ".", name].concat(), wanted),
        }
    }

    /// As it is written, be it `null`.
    #[inline(never)]
    pub(crate) fn written(&mut self, name: &str) -> Option<&'a str> {
        let at = self.left.iter().position(|(field, _)| field == name)?;
        Some(self.left.swap_remove(at).1)
    }

    fn given(&mut self, name: &str) -> Option<&'a str> {
        self.written(name).filter(|value| *value != "null")
    }

    /// Anything, be it `null`.
    pub(crate) fn any(&mut self, name: &str) -> Option<Json> {
        Json::from_json(self.written(name)?).ok()
    }

    #[inline(never)]
    pub(crate) fn json(&mut self, name: &str) -> Option<Json> {
        self.any(name).filter(|json| !json.is_null())
    }

    fn read<T>(&mut self, name: &str, wanted: &str, read: fn(&str) -> Option<T>) -> Option<T> {
        let value = read(self.given(name)?);
        if value.is_none() {
            self.wrong(name, wanted);
        }
        value
    }

    #[inline(never)]
    pub(crate) fn text(&mut self, name: &str) -> Option<String> {
        self.read(name, "a text", text)
    }

    #[inline(never)]
    pub(crate) fn filled_text(&mut self, name: &str) -> Option<String> {
        self.read(name, "a text that is not empty", |value| {
            text(value).filter(|text| !text.is_empty())
        })
    }

    pub(crate) fn required(&mut self, name: &str) -> String {
        let text = self.filled_text(name);
        if text.is_none() {
            self.wrong(name, "given");
        }
        text.unwrap_or_default()
    }

    /// JSON that is given as its text.
    pub(crate) fn json_text(&mut self, name: &str) -> Option<Json> {
        self.read(name, "JSON", |value| Json::parse(text(value)?).ok())
    }

    /// One of some words.
    pub(crate) fn word<T>(
        &mut self,
        name: &str,
        words: &str,
        read: fn(&str) -> Option<T>,
    ) -> Option<T> {
        let word = read(&text(self.given(name)?).unwrap_or_default());
        if word.is_none() {
            self.wrong(name, words);
        }
        word
    }

    #[inline(never)]
    pub(crate) fn flag(&mut self, name: &str) -> Option<bool> {
        self.read(name, "true or false", |value| bool::from_json(value).ok())
    }

    #[inline(never)]
    fn number(&mut self, name: &str) -> Option<u64> {
        self.read(name, "a number of zero or more", whole_number)
    }

    pub(crate) fn millis(&mut self, name: &str, into: &mut Millis) {
        set(into, self.number(name).map(Millis));
    }

    /// A count. A number that does not fit becomes the largest possible one.
    pub(crate) fn count(&mut self, name: &str, into: &mut u32) {
        let count = self.number(name);
        set(
            into,
            count.map(|count| u32::try_from(count).unwrap_or(u32::MAX)),
        );
    }

    pub(crate) fn bytes(&mut self, name: &str, into: &mut usize) {
        let bytes = self.number(name);
        set(
            into,
            bytes.map(|bytes| usize::try_from(bytes).unwrap_or(usize::MAX)),
        );
    }

    #[inline(never)]
    pub(crate) fn texts(&mut self, name: &str) -> Option<Vec<String>> {
        self.read(name, "a list of texts", |value| Vec::from_json(value).ok())
    }

    #[inline(never)]
    pub(crate) fn modes(&mut self, name: &str) -> Option<Vec<StreamMode>> {
        self.read(name, MODES, |value| Vec::from_json(value).ok())
    }

    /// The fields of an object among the fields.
    pub(crate) fn inner(&mut self, name: &str, read: &mut dyn FnMut(&mut Fields<'_>)) {
        if let Some(object) = self.given(name) {
            read(&mut Fields {
                path: name,
                ..Fields::of(name, object, self.wrong)
            });
        }
    }

    /// Whatever is left is not known.
    pub(crate) fn end(&self) {
        if let Some((name, _)) = self.left.iter().find(|(_, value)| *value != "null") {
            self.wrong(name, UNKNOWN);
        }
    }
}

/// Sets `into`, if a value is given.
pub(crate) fn set<T>(into: &mut T, given: Option<T>) {
    if let Some(given) = given {
        *into = given;
    }
}

fn text(value: &str) -> Option<String> {
    String::from_json(value).ok()
}
