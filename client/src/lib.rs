//! A client of Countersign's native API.
//!
//! [`calls`] has a function for each operation, which makes a [`Call`]: what is to be sent, and how the answer is read. [`Client`]
//! sends calls; so can any other HTTP client, without the feature `http`. [`types`] are the very types that the host answers with.
//!
//! ```no_run
//! # #[cfg(feature = "http")]
//! # async fn example() -> Result<(), countersign_client::Error> {
//! use countersign_client::{Client, calls, types::{CreateEndpoint, PublishEvent, Raw}};
//!
//! let client = Client::new("https://hooks.example.com", "csk_...")?;
//! let endpoint = CreateEndpoint {
//!     provider: "platform".to_owned(),
//!     url: "https://example.com/webhooks".to_owned(),
//!     ..CreateEndpoint::default()
//! };
//! let made = client.send(calls::create_endpoint(&endpoint)?).await?;
//! println!("{} {:?}", made.endpoint.id, made.secret);
//!
//! let payload = serde_json::json!({"type": "open", "email_id": "msg_1"});
//! let event = PublishEvent {
//!     provider: "platform".to_owned(),
//!     payload: Raw::from_json(serde_json::value::to_raw_value(&payload)?),
//!     client_id: None,
//!     bot: None,
//!     event_id: None,
//! };
//! let call = calls::publish_event(&event)?.with_idempotency_key("open-1");
//! let accepted = client.send(call).await?;
//! assert_eq!(accepted.event_type, "email.open");
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod call;
pub mod calls;
#[cfg(feature = "http")]
mod client;
mod error;
mod pages;

#[cfg(feature = "http")]
pub use self::client::Client;
pub use self::{
    call::Call,
    error::Error,
    pages::{Entries, Page},
};
pub use countersign_api as types;
