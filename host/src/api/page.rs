//! Pages of lists, in one form: `limit` and `after` there, the entries and `next` back.

use super::problem::Problem;

/// Entries of a page when the client asks for no number.
const LIMIT_DEFAULT: u32 = 50;

/// What a client asks for.
pub(super) struct Paged<C> {
    /// Entries, at most; the schema has checked how many may be asked for.
    pub(super) limit: u32,
    /// Only what comes after it.
    pub(super) after: Option<C>,
}

impl<C> Paged<C> {
    /// Reads the place to go on from with `read`.
    pub(super) fn new(
        limit: Option<u32>,
        after: Option<&str>,
        read: impl FnOnce(&str) -> Option<C>,
    ) -> Result<Self, Problem> {
        let after = after.map(|text| {
            let detail = "`after` must be the `next` of the page before";
            read(text).ok_or_else(|| Problem::field("query_invalid", "after", detail))
        });
        Ok(Self {
            limit: limit.unwrap_or(LIMIT_DEFAULT),
            after: after.transpose()?,
        })
    }

    /// How many to look for: one more tells whether there is another page.
    pub(super) const fn one_more(&self) -> usize {
        (self.limit as usize).saturating_add(1)
    }

    /// The entries of the page, and where the next one goes on: `place` says it of the last entry.
    pub(super) fn cut<T>(
        &self,
        mut found: Vec<T>,
        place: impl FnOnce(&T) -> String,
    ) -> (Vec<T>, Option<String>) {
        let limit = self.limit as usize;
        let more = found.len() > limit;
        found.truncate(limit);
        let next = found.last().filter(|_| more).map(place);
        (found, next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_names_the_next_one_only_where_there_is_one() {
        let paged = Paged::new(Some(2), Some("5"), |text| text.parse::<u8>().ok()).unwrap();
        assert_eq!((paged.after, paged.one_more()), (Some(5), 3));
        let place = |last: &u8| last.to_string();
        assert_eq!(
            paged.cut(vec![6, 7, 8], place),
            (vec![6, 7], Some("7".to_owned()))
        );
        assert_eq!(paged.cut(vec![6, 7], place), (vec![6, 7], None));
        assert_eq!(paged.cut(Vec::new(), place), (Vec::new(), None));
        let wrong = Paged::new(None, Some("x"), |text| text.parse::<u8>().ok());
        assert_eq!(wrong.err().unwrap().code(), "query_invalid");
    }
}
