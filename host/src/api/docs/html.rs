//! Texts as HTML.

/// Without anything that HTML would take for its own.
pub(super) fn escaped(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            other => html.push(other),
        }
    }
    html
}

/// An element with a text in it.
pub(super) fn tag(name: &str, text: &str) -> String {
    format!("<{name}>{}</{name}>", escaped(text))
}

/// A text as code.
pub(super) fn code(text: &str) -> String {
    tag("code", text)
}

/// A paragraph, with what stands between back-ticks as code and between double asterisks in bold. Nothing for an empty text.
pub(super) fn prose(text: &str) -> String {
    match text.is_empty() {
        true => String::new(),
        false => {
            let parts = text.split('`').enumerate();
            let parts = parts.map(|(place, part)| match place % 2 {
                1 => code(part),
                _ => bold(part),
            });
            format!("<p>{}</p>", parts.collect::<String>())
        }
    }
}

fn bold(text: &str) -> String {
    let parts = text.split("**").enumerate();
    let parts = parts.map(|(place, part)| match place % 2 {
        1 => tag("strong", part),
        _ => escaped(part),
    });
    parts.collect()
}
