//! A page of a search's results, the same for threads and assistants.

use axum::http::{HeaderMap, HeaderValue};
use serde::Deserialize;
use serde_json::Value;

use crate::error::ServerError;

/// The order in which a search sorts.
#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(super) enum SortOrder {
    Asc,
    Desc,
}

/// Says how many results there are in all, and where the next page begins if there is one.
pub(super) fn headers(found: usize, offset: usize, limit: usize) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert("x-pagination-total", HeaderValue::from(found));
    let next = offset.saturating_add(limit);
    if found > next {
        headers.insert("x-pagination-next", HeaderValue::from(next));
    }
    headers
}

/// Whether a search wants this field: it names the field, or none at all.
pub(super) fn wants(select: Option<&[String]>, field: &str) -> bool {
    select.is_none_or(|fields| fields.iter().any(|name| name == field))
}

/// Refuses a search for a field that its results, which are of this shape, do not have.
///
/// # Errors
/// [`ServerError::NotImplemented`], with the first such name.
pub(super) fn check_select(select: Option<&[String]>, shape: &Value) -> Result<(), ServerError> {
    let mut fields = select.iter().copied().flatten();
    match fields.find(|field| shape.get(field).is_none()) {
        Some(field) => {
            // It is shown, and may be anything.
            let field: String = field.chars().take(100).collect();
            Err(ServerError::NotImplemented(format!(
                "the field {field:?} (select)"
            )))
        }
        None => Ok(()),
    }
}

/// A result with the fields that the search wants.
pub(super) fn selected(mut result: Value, select: Option<&[String]>) -> Value {
    if let Some(fields) = result.as_object_mut() {
        fields.retain(|name, _| wants(select, name));
    }
    result
}
