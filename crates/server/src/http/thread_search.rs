//! `/threads/search` and `/threads/count`.

use axum::{Extension, Json, extract::State, http::HeaderMap};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    App, Body,
    page::{self, SortOrder},
};
use crate::{
    auth::Permit,
    error::ServerError,
    ids::ThreadId,
    rows::{ThreadRow, ThreadStatus},
    sessions::store::ReadTx,
    tables::Rows,
};

/// Threads a search gets when it does not say how many, and at most.
const LIMIT_DEFAULT: usize = 10;
const LIMIT_MAX: usize = 1000;

/// The filter of a search.
#[derive(Deserialize)]
pub(crate) struct Count {
    status: Option<ThreadStatus>,
    metadata: Option<Map<String, Value>>,
    values: Option<Map<String, Value>>,
}

/// The filter of a search, and the fields to show.
#[derive(Deserialize)]
pub(crate) struct Search {
    status: Option<ThreadStatus>,
    metadata: Option<Map<String, Value>>,
    values: Option<Map<String, Value>>,
    ids: Option<Vec<String>>,
    limit: Option<usize>,
    #[serde(default)]
    offset: usize,
    sort_by: Option<SortBy>,
    sort_order: Option<SortOrder>,
    select: Option<Vec<String>>,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "snake_case")]
enum SortBy {
    ThreadId,
    Status,
    CreatedAt,
    UpdatedAt,
    StateUpdatedAt,
}

pub(crate) async fn search(
    State(app): State<App>,
    Extension(permit): Extension<Permit>,
    Body(search): Body<Search>,
) -> Result<(HeaderMap, Json<Vec<Value>>), ServerError> {
    if search.limit.is_some_and(|limit| limit > LIMIT_MAX) {
        let text = format!("limit is at most {LIMIT_MAX}");
        return Err(ServerError::InvalidRequest(text));
    }
    let shape = ThreadRow::unreadable(ThreadId::fresh()).to_json(None);
    page::check_select(search.select.as_deref(), &shape)?;
    for id in search.ids.iter().flatten() {
        ThreadId::parse(id)?;
    }
    let stored = app.scheduler.store.read()?;
    let filter = Count {
        status: search.status,
        metadata: search.metadata.clone(),
        values: search.values.clone(),
    };
    let is_named = |thread: &ThreadRow| {
        let id = thread.thread_id.to_string();
        search.ids.as_ref().is_none_or(|ids| ids.contains(&id))
    };
    let mut threads = filter.find(&stored, &permit, is_named)?;
    threads.sort_by_cached_key(|thread| search.key(thread));
    if search.sort_order != Some(SortOrder::Asc) {
        threads.reverse();
    }
    let limit = search.limit.unwrap_or(LIMIT_DEFAULT);
    let headers = page::headers(threads.len(), search.offset, limit);
    let select = search.select.as_deref();
    let page = threads.iter().skip(search.offset).take(limit);
    let shown = page.map(|thread| {
        // Values are the costly part: read only where they are wanted.
        let head = if page::wants(select, "values") || page::wants(select, "interrupts") {
            stored.head(thread)
        } else {
            Ok(None)
        };
        let thread = match head {
            Ok(head) => thread.to_json(head.as_ref()),
            Err(error @ ServerError::Store(_)) => return Err(error),
            Err(_) => ThreadRow::unreadable(thread.thread_id).to_json(None),
        };
        Ok(page::selected(thread, select))
    });
    Ok((headers, Json(shown.collect::<Result<_, ServerError>>()?)))
}

pub(crate) async fn count(
    State(app): State<App>,
    Extension(permit): Extension<Permit>,
    Body(count): Body<Count>,
) -> Result<Json<usize>, ServerError> {
    let stored = app.scheduler.store.read()?;
    Ok(Json(count.find(&stored, &permit, |_| true)?.len()))
}

impl Count {
    fn find(
        &self,
        stored: &ReadTx,
        permit: &Permit,
        is_named: impl Fn(&ThreadRow) -> bool,
    ) -> Result<Vec<ThreadRow>, ServerError> {
        if self.status == Some(ThreadStatus::Unknown) {
            let text = "status is idle, busy, interrupted or error";
            return Err(ServerError::InvalidRequest(text.to_owned()));
        }
        let mut found = Vec::new();
        for thread in stored.threads()? {
            let is_reached = permit.access.reaches(&thread.thread_id.session());
            let is_meant = is_reached && !thread.is_temporary && is_named(&thread);
            if is_meant && self.fits(&thread) && self.fits_values(stored, &thread)? {
                found.push(thread);
            }
        }
        Ok(found)
    }

    fn fits(&self, thread: &ThreadRow) -> bool {
        self.status.is_none_or(|status| thread.status == status)
            && has_all(&thread.metadata, self.metadata.as_ref())
    }

    fn fits_values(&self, stored: &ReadTx, thread: &ThreadRow) -> Result<bool, ServerError> {
        let Some(wanted) = self.values.as_ref().filter(|wanted| !wanted.is_empty()) else {
            return Ok(true);
        };
        match stored.head(thread) {
            Ok(head) => Ok(head.is_some_and(|head| has_all(&head.values, Some(wanted)))),
            Err(error @ ServerError::Store(_)) => Err(error),
            // One that cannot be read has none that are known.
            Err(_) => Ok(false),
        }
    }
}

/// Whether the fields are all there, with these values; of objects and lists, with what is in them.
pub(super) fn has_all(fields: &Map<String, Value>, wanted: Option<&Map<String, Value>>) -> bool {
    let has = |(name, wanted): (&String, &Value)| {
        let value = fields.get(name);
        value.is_some_and(|value| holds(value, wanted))
    };
    wanted.is_none_or(|wanted| wanted.iter().all(has))
}

fn holds(value: &Value, wanted: &Value) -> bool {
    match (value, wanted) {
        (Value::Object(fields), Value::Object(wanted)) => has_all(fields, Some(wanted)),
        (Value::Array(items), Value::Array(wanted)) => wanted
            .iter()
            .all(|wanted| items.iter().any(|item| holds(item, wanted))),
        _ => value == wanted,
    }
}

impl Search {
    fn key(&self, thread: &ThreadRow) -> String {
        match self.sort_by.unwrap_or(SortBy::UpdatedAt) {
            SortBy::ThreadId => thread.thread_id.to_string(),
            SortBy::Status => json!(thread.status).to_string(),
            SortBy::CreatedAt => thread.created_at.clone(),
            SortBy::UpdatedAt => thread.updated_at.clone(),
            SortBy::StateUpdatedAt => thread.state_updated_at.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_looks_into_objects_and_lists() {
        let check = |value: Value, wanted: Value, fits: bool| {
            assert_eq!(holds(&value, &wanted), fits, "{value} {wanted}");
        };
        check(json!({"a": 1, "b": 2}), json!({"a": 1}), true);
        check(json!({"a": 1}), json!({"a": 2}), false);
        check(json!({"a": 1}), json!({"b": null}), false);
        check(json!({"a": {"b": 1, "c": 2}}), json!({"a": {"c": 2}}), true);
        check(json!({"a": [1, {"b": 2}]}), json!({"a": [{"b": 2}]}), true);
        check(json!({"a": [1]}), json!({"a": [2]}), false);
        check(json!({"a": [1]}), json!({"a": 1}), false);
    }
}
