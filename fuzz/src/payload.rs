//! The payload models of every provider.

use countersign_core::provider::{Payload, Provider};

/// What decodes encodes to bytes that decode to the same, and from then on they do not change.
pub fn run(data: &[u8]) {
    for provider in Provider::ALL {
        let Ok(payload) = Payload::decode(provider, data) else {
            continue;
        };
        let bytes = payload.encode();
        let again = Payload::decode(provider, &bytes);
        assert_eq!(again.as_ref(), Ok(&payload), "{}", provider.name());
        assert_eq!(again.map(|again| again.encode()), Ok(bytes));
    }
}
