//! Resend signs as Svix does. Source: Resend documentation, "Verify webhooks requests"; its client library.

use super::{Scheme, svix::signed_by_svix};

pub(super) static SCHEME: Scheme = signed_by_svix("resend");
