//! What has become of each submission's posts: it may be sent again only while nothing of its answer has been received.

use rejoin_core::RetryPolicy;
use std::collections::BTreeMap;

/// The submissions, by the name that the client gives each.
#[derive(Debug, Default)]
pub(crate) struct Posts(BTreeMap<String, Post>);

#[derive(Debug, Default)]
struct Post {
    count: u32,
    is_answered: bool,
}

impl Posts {
    /// A submission leaves the page. An error where it should not have.
    pub(crate) fn sent(&mut self, submission: &str) -> Result<(), String> {
        let post = self.0.entry(submission.to_owned()).or_default();
        post.count += 1;
        if post.is_answered {
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
    pub(crate) fn answered(&mut self, submission: &str) {
        if let Some(post) = self.0.get_mut(submission) {
            post.is_answered = true;
        }
    }
}
