//! `docs/errors.md` and the code say the same.

use rejoin_core::ErrorCode;

#[test]
fn every_code_stands_in_the_document_with_its_message() {
    let document = include_str!("../../../docs/errors.md");
    let rows: Vec<&str> = document
        .lines()
        .filter(|line| line.starts_with("| `"))
        .collect();
    let expected: Vec<String> = ErrorCode::ALL
        .iter()
        .map(|code| format!("| `{}` | {} |", code.as_str(), code.message()))
        .collect();
    assert_eq!(rows, expected);
}
