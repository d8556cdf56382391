//! Lists, page by page.

use crate::types;

/// A page of a list.
pub trait Page {
    /// What is listed.
    type Entry;

    /// The entries, and where the next page goes on.
    fn into_parts(self) -> (Vec<Self::Entry>, Option<String>);
}

macro_rules! pages {
    ($($page:ident.$entries:ident: $entry:ident),* $(,)?) => {$(
        impl Page for types::$page {
            type Entry = types::$entry;

            fn into_parts(self) -> (Vec<Self::Entry>, Option<String>) {
                (self.$entries, self.next)
            }
        }
    )*};
}

pages!(
    Attempts.attempts: Attempt,
    DeadLetters.dead_letters: Delivery,
    Deliveries.deliveries: Delivery,
    Endpoints.endpoints: Endpoint,
    EventTypes.event_types: EventType,
    Keys.keys: Key,
    Messages.messages: Message,
    Replays.replays: Replay,
    Workspaces.workspaces: Workspace,
);

#[cfg(feature = "http")]
pub use self::entries::Entries;

#[cfg(feature = "http")]
mod entries {
    use super::Page;
    use crate::{Call, Client, Error};
    use std::vec::IntoIter;

    /// The entries of a list; another page is asked for when those of one are used up.
    pub struct Entries<'a, P: Page, F> {
        client: &'a Client,
        call: F,
        read: IntoIter<P::Entry>,
        /// Where the next page begins; `None` when there is none.
        next: Option<Option<String>>,
    }

    impl<'a, P: Page, F> Entries<'a, P, F>
    where
        F: FnMut(Option<String>) -> Result<Call<P>, Error>,
    {
        pub(crate) fn new(client: &'a Client, call: F) -> Self {
            Self {
                client,
                call,
                read: Vec::new().into_iter(),
                next: Some(None),
            }
        }

        /// The next entry; `None` at the end of the list.
        ///
        /// # Errors
        /// [`Error`], and the same page is asked for again the next time.
        pub async fn next(&mut self) -> Result<Option<P::Entry>, Error> {
            loop {
                if let Some(entry) = self.read.next() {
                    return Ok(Some(entry));
                }
                let Some(after) = self.next.clone() else {
                    return Ok(None);
                };
                let page = self.client.send((self.call)(after)?).await?;
                let (entries, next) = page.into_parts();
                self.read = entries.into_iter();
                self.next = next.map(Some);
            }
        }
    }
}
