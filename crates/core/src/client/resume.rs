//! The interrupts that a resume answers.

use rejoin_wire::{Json, json::fields, thread::Interrupt};

/// The interrupts that one resume is an answer to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answers {
    /// Whatever waits.
    All,
    /// These interrupts, by their ids.
    These(Vec<String>),
    /// It does not say which of those that wait.
    Unclear,
}

/// A map from interrupt ids to answers is told from an answer that is an object by its keys. Each key of a map names an
/// interrupt that waits, or looks like interrupt ids do on every server: 32 hexadecimal digits.
pub(super) fn answers(resume: &Json, waiting: &[Interrupt]) -> Answers {
    let is_id = |key: &str| {
        let mut ids = waiting.iter().filter_map(|interrupt| interrupt.id.as_ref());
        ids.any(|id| id.as_str() == key)
            || key.len() == 32 && key.bytes().all(|byte| byte.is_ascii_hexdigit())
    };
    let mut keys = Vec::new();
    let read = fields(resume.text(), &mut |key, _| {
        keys.push(key.to_owned());
        Ok(())
    });
    if read.is_ok() && !keys.is_empty() && keys.iter().all(|key| is_id(key)) {
        return Answers::These(keys);
    }
    if waiting.len() > 1 {
        Answers::Unclear
    } else {
        Answers::All
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(resume: &str, waiting: &[&str], expected: &Answers) {
        let waiting: Vec<Interrupt> = waiting
            .iter()
            .map(|id| Interrupt {
                id: Some((*id).into()),
                ..Interrupt::default()
            })
            .collect();
        let resume = Json::parse(resume.to_owned()).expect("JSON");
        assert_eq!(answers(&resume, &waiting), *expected);
    }

    #[test]
    fn maps_name_interrupts_and_all_else_is_one_answer() {
        let these = |ids: &[&str]| Answers::These(ids.iter().map(|id| (*id).to_owned()).collect());
        check("\"yes\"", &["a"], &Answers::All);
        check("\"yes\"", &["a", "b"], &Answers::Unclear);
        check(r#"{"a":true}"#, &["a", "b"], &these(&["a"]));
        check(r#"{"a":1,"b":null}"#, &["a", "b"], &these(&["a", "b"]));
        check(r#"{"a":true,"note":1}"#, &["a", "b"], &Answers::Unclear);
        check(r#"{"approved":true}"#, &["a"], &Answers::All);
        check("{}", &["a", "b"], &Answers::Unclear);
        check("false", &[], &Answers::All);
        let digest = "0123456789abcdef0123456789ABCDEF";
        check(&format!(r#"{{"{digest}":1}}"#), &["a"], &these(&[digest]));
    }
}
