//! Filling and filtering lists. The methods of std are quicker on long lists, and several times as large for each type of
//! item. None of these functions is on a token's way.

/// The items as a list.
pub(crate) fn collected<T>(items: impl Iterator<Item = T>) -> Vec<T> {
    let mut list = Vec::new();
    for item in items {
        list.push(item);
    }
    list
}

/// Leaves those in the list that `keep` says.
pub(crate) fn retain<T>(list: &mut Vec<T>, keep: impl Fn(&T) -> bool) {
    for item in std::mem::take(list) {
        if keep(&item) {
            list.push(item);
        }
    }
}
