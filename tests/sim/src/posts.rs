//! What has become of each submission's posts: it may be sent again only while nothing of its answer has been received.

use rejoin_core::RetryPolicy;
use std::collections::BTreeMap;

/// The submissions, by the name that the client gives each.
#[derive(Debug, Default)]
pub(crate) struct Posts(BTreeMap<String, Post>);

#[derive(Debug, Default)]
struct Post {
    count: u32,
    /// The page that has received something of its answer.
    answered_in: Option<u64>,
}

impl Posts {
    /// A submission leaves a page. An error where it should not have. What the server has lost may be sent again by a page that knows nothing
    /// of its answer.
    pub(crate) fn sent(
        &mut self,
        submission: &str,
        page: u64,
        is_lost: bool,
    ) -> Result<(), String> {
        let post = self.0.entry(submission.to_owned()).or_default();
        post.count += 1;
        let is_known = |answered_in| !is_lost || answered_in == page;
        if post.answered_in.is_some_and(is_known) {
            return Err(format!(
                "submission {submission} is sent again after its answer has begun"
            ));
        }
        if post.count > RetryPolicy::default().posts_max {
            return Err(format!(
                "submission {submission} is sent {} times",
                post.count
            ));
        }
        Ok(())
    }

    /// The page has received something of a submission's answer.
    pub(crate) fn answered(&mut self, submission: &str, page: u64) {
        if let Some(post) = self.0.get_mut(submission) {
            post.answered_in = Some(page);
        }
    }
}
