//! What can be promised to nobody by a program.

/// Numbers that say something about the world and ask nothing of us, with the reason. Everything else has a test.
pub const ADVICE: [(&str, &str); 4] = [
    (
        "C33",
        "names what webhooks are used for; recipes of ours are held under S42, S43 and E37 to E39",
    ),
    (
        "S26",
        "whether a campaign is active is known to whoever publishes its events; what is published is sent",
    ),
    ("E16", "is about the plans that the provider sells"),
    (
        "E40",
        "says with what most users start; the events themselves are E5 and E6",
    ),
];
