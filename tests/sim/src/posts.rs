//! What has become of each submission's posts: it may be sent again only while nothing of its answer has been received.

use rejoin_core::RetryPolicy;
use std::collections::BTreeMap;

/// What has left.
#[derive(Debug, Default)]
pub(crate) struct Posts {
    /// The submissions, by the name that the client gives each.
    submissions: BTreeMap<String, Post>,
    /// Whether storage has kept something that a page wanted to let go of, so that a later page may find it there.
    storage_refused: bool,
}

#[derive(Debug, Default)]
struct Post {
    /// How often each page has sent it.
    sent_by: BTreeMap<u64, u32>,
    /// The page that has received something of its answer.
    answered_in: Option<u64>,
}

impl Posts {
    /// A submission leaves a page. An error where it should not have. What the server tells nothing of and storage has kept may be sent
    /// again by a page that knows nothing of its answer, nor how often it was sent.
    pub(crate) fn sent(
        &mut self,
        submission: &str,
        page: u64,
        is_lost: bool,
    ) -> Result<(), String> {
        let post = self.submissions.entry(submission.to_owned()).or_default();
        *post.sent_by.entry(page).or_default() += 1;
        let is_found = is_lost && self.storage_refused;
        let is_known = |other: &u64| !is_found || *other == page;
        if post.answered_in.as_ref().is_some_and(is_known) {
            return Err(format!(
                "submission {submission} is sent again after its answer has begun"
            ));
        }
        let known = post.sent_by.iter().filter(|(page, _)| is_known(page));
        let count: u32 = known.map(|(_, count)| count).sum();
        if count > RetryPolicy::default().posts_max {
            return Err(format!("submission {submission} is sent {count} times"));
        }
        Ok(())
    }

    /// Storage has not done what a page wanted.
    pub(crate) fn storage_refuses(&mut self) {
        self.storage_refused = true;
    }

    /// A person says that it is to be sent: from then on it may be sent as often as a new one.
    pub(crate) fn person_sends(&mut self, submission: &str) {
        if let Some(post) = self.submissions.get_mut(submission) {
            post.sent_by.clear();
        }
    }

    /// The page has received something of a submission's answer.
    pub(crate) fn answered(&mut self, submission: &str, page: u64) {
        if let Some(post) = self.submissions.get_mut(submission) {
            post.answered_in = Some(page);
        }
    }
}
