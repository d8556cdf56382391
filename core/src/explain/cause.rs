//! Causes, and what is said of them.

use alloc::string::String;

macro_rules! causes {
    ($($(#[$doc:meta])* $variant:ident = $code:literal, $fix:literal;)*) => {
        /// Why a signature does not match.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Cause {
            $($(#[$doc])* $variant,)*
        }

        impl Cause {
            /// Every cause.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// Its name; never changes its meaning.
            pub const fn code(self) -> &'static str {
                match self {
                    $(Self::$variant => $code,)*
                }
            }

            /// What to do.
            pub const fn fix(self) -> &'static str {
                match self {
                    $(Self::$variant => $fix,)*
                }
            }
        }
    };
}

causes! {
    /// The headers are those of another scheme.
    WrongProvider = "wrong_provider", "Configure the verifier for the provider that sends, or give each provider an address of its own.";
    /// The digest is right, its prefix is missing, extra or another.
    SignaturePrefix = "signature_prefix", "Use the scheme whose prefix this is, or let nothing between sender and verifier touch the header.";
    /// The digest is right, in upper case.
    SignatureUpperCase = "signature_upper_case", "Pass the header on as it arrived; if the sender writes it so, tell them that the scheme asks for lower case.";
    /// The digest is right, in base64 where hexadecimal is asked for or the reverse.
    SignatureEncoding = "signature_encoding", "Set the encoding that the sender uses (option `encoding` of generic-hmac), or use the scheme that has it.";
    /// The signature stands in quotes.
    SignatureQuoted = "signature_quoted", "Pass the header value on without quotes around it.";
    /// White space around the secret.
    SecretWhiteSpace = "secret_white_space", "Trim the secret: look for a line break at the end of the file or variable that holds it.";
    /// Quotes around the secret.
    SecretQuoted = "secret_quoted", "Remove the quotes around the secret; some loaders of environment files keep them.";
    /// The secret was decoded, and its text is the key.
    SecretDecoded = "secret_decoded", "Here the text of the secret is the key, its prefix included. Set `secret_format: raw`, or use the scheme of the sender.";
    /// The text of the secret was taken as the key, and it has to be decoded.
    SecretNotDecoded = "secret_not_decoded", "The secret is base64 and has to be decoded. Use the scheme of the sender (Standard Webhooks, Svix), or `secret_format: base64`.";
    /// The prefix of the secret is no part of it, or is missing.
    SecretPrefix = "secret_prefix", "Paste the secret as the sender shows it, with the prefix only if the sender signs with it.";
    /// The secret is that of another endpoint.
    SecretOfOtherEndpoint = "secret_of_other_endpoint", "Use the secret of the endpoint that is called, or send the webhook to the other one.";
    /// There is nothing in the secret.
    SecretEmpty = "secret_empty", "Look at the file or the variable that should hold the secret, and put it there as the sender shows it.";
    /// A part of the secret is missing, so that it can be no key.
    SecretIncomplete = "secret_incomplete", "Copy the whole secret again, from its first to its last character.";
    /// The secret is of another form than the keys of the scheme.
    SecretMalformed = "secret_malformed", "Copy the secret again as the sender shows it. If another sender shows it so, use that sender's scheme; if its text itself is the key, set `secret_format: raw` where the scheme has it.";
    /// The JSON of the body is the same, its bytes are not.
    BodyReserialised = "body_reserialised", "Verify the raw bytes as received, before any parser: in Express put express.raw ahead of express.json on this route.";
    /// A line break at the end was added or removed.
    BodyFinalNewline = "body_final_newline", "Pass the bytes on as received; do not trim them and do not end them with a line break.";
    /// A byte order mark was added or removed.
    BodyByteOrderMark = "body_byte_order_mark", "Pass the bytes on as received; a decoder that drops or adds the byte order mark changes them.";
    /// Line breaks were changed.
    BodyLineBreaks = "body_line_breaks", "Pass the bytes on as received; something turns CR LF into LF or the reverse, such as a file written in text mode.";
    /// The bytes were decoded as text in another encoding, or with replacement characters.
    BodyDecoded = "body_decoded", "Keep the body as bytes; decoding it as text and encoding it again loses what was no valid text.";
    /// The form fields were decoded.
    BodyFormDecoded = "body_form_decoded", "Verify the raw bytes as received, before the form parser.";
    /// The body is base64 of what was signed, or the reverse.
    BodyBase64 = "body_base64", "Decode the body once before verification; API gateways hand over bytes as base64 and say so in `isBase64Encoded`.";
    /// The body is a JSON text of the JSON text that was signed.
    BodyQuoted = "body_quoted", "Something printed the body as a JSON string. Pass on the text itself, as received.";
    /// Escapes of characters were resolved or made.
    BodyEscapes = "body_escapes", "Verify the raw bytes as received; something resolved or wrote \\u escapes or escaped slashes.";
    /// Bytes are missing at the end.
    BodyTruncated = "body_truncated", "Read the whole body: raise the size limit of the parser or proxy, and wait for the end of the stream.";
    /// The body is empty although bytes were sent.
    BodyLost = "body_lost", "Something read the body before the verifier. Put the verifier first, or keep the raw bytes there.";
    /// Milliseconds where seconds are asked for.
    TimestampMilliseconds = "timestamp_milliseconds", "The timestamp is in milliseconds. Set `timestamp_unit: ms` or use the scheme that has it.";
    /// Seconds where milliseconds are asked for.
    TimestampSeconds = "timestamp_seconds", "The timestamp is in seconds. Set `timestamp_unit: s` or use the scheme that has it.";
    /// The receiver's clock was given in milliseconds.
    NowMilliseconds = "now_milliseconds", "Give the receiver's clock in unix seconds: Date.now() / 1000.";
    /// The signature fits, the clocks differ.
    ClockSkew = "clock_skew", "Set the clocks of both machines by NTP; a wider tolerance only hides the difference.";
    /// The signature fits and is old.
    OldMessage = "old_message", "Nothing is wrong with the secret. A message that lay in a queue or was sent again is refused on purpose; ask the sender to sign anew, or set a wider tolerance if you must.";
    /// A header occurs more than once, and another one than the first fits.
    HeaderRepeated = "header_repeated", "A proxy or the sender sets the header twice. Let only the sender's through.";
    /// Several values were merged into one header.
    HeaderMerged = "header_merged", "A proxy merged several headers into one. Let only the sender's through.";
    /// A gateway changed the name of a header.
    HeaderRenamed = "header_renamed", "Map the header back to its name before the verifier, or let the gateway pass it unchanged.";
    /// A proxy dropped the header.
    HeaderMissing = "header_missing", "Let the proxy pass the header. If the sender sends none, set a secret for this webhook there.";
    /// The address seen by the receiver is not the one that the sender called.
    UrlDiffers = "url_differs", "Pass the address as the sender wrote it, from your configuration or the X-Forwarded headers of a proxy that you trust.";
    /// No address was given, and the scheme signs it.
    UrlMissing = "url_missing", "Pass the full address that the sender called, with scheme and host.";
    /// The method that was given is not the one that was signed.
    MethodDiffers = "method_differs", "Pass the method of the request, in upper case.";
}

/// How sure a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Confidence {
    /// With the cause undone the request verifies; or with it no request can.
    Certain,
    /// It looks like a known mistake, which cannot be undone here.
    Likely,
}

/// One cause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What it is.
    pub cause: Cause,
    /// How sure it is.
    pub confidence: Confidence,
    /// What was found, in one sentence. Holds no secret, no expected signature and nothing of the body.
    pub sentence: String,
    /// What to do.
    pub fix: &'static str,
}
