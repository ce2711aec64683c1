//! A chat as one page: no script, nothing from outside, and everything that somebody wrote escaped.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use projections::messages::QuoteView;
use projections::{AccountView, MessageView};
use uuid::Uuid;

const HEAD: &str = r#"<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src 'self' file:">
<title>"#;

const STYLE: &str = r"</title>
<style>
body { margin: 2rem auto; max-width: 45rem; padding: 0 1rem; font: 1rem/1.5 system-ui, sans-serif; }
article { margin: 0 3rem 1rem 0; padding: .5rem 1rem; border-radius: .5rem; background: #f1f1f4; color: #111; }
article.own { margin: 0 0 1rem 3rem; background: #dcebff; }
header, footer, .gone { color: #555; font-size: .875rem; }
p { margin: .25rem 0; white-space: pre-wrap; overflow-wrap: anywhere; }
blockquote { margin: .25rem 0; padding-left: .75rem; border-left: 3px solid #999; }
img { max-width: 100%; }
</style>
</head>
<body>
<h1>";

const FOOT: &str = "</body>\n</html>\n";

/// Who is who in the chat.
pub(super) struct Names {
    own: Uuid,
    participant: Uuid,
    by_id: HashMap<Uuid, String>,
}

impl Names {
    pub(super) fn new(own: Option<&AccountView>, participant: &AccountView) -> Self {
        let known = own.into_iter().chain([participant]);
        let names = known.filter_map(|it| Some((it.account_id, it.display_name.clone()?)));
        Self {
            own: own.map(|it| it.account_id).unwrap_or_default(),
            participant: participant.account_id,
            by_id: names.collect(),
        }
    }

    fn known(&self, account_id: Uuid) -> Option<&str> {
        self.by_id.get(&account_id).map(String::as_str)
    }

    /// Of somebody who is erased: nothing that says more.
    fn of(&self, account_id: Uuid) -> &str {
        self.known(account_id).unwrap_or("Somebody")
    }
}

/// HTML in the making: what is no literal is escaped.
#[derive(Default)]
struct Html(String);

impl Html {
    fn markup(&mut self, markup: &'static str) -> &mut Self {
        self.0.push_str(markup);
        self
    }

    fn text(&mut self, text: &str) -> &mut Self {
        for character in text.chars() {
            match character {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                other => self.0.push(other),
            }
        }
        self
    }

    fn time(&mut self, time: DateTime<Utc>) -> &mut Self {
        self.markup("<time datetime=\"").text(&time.to_rfc3339()).markup("\">");
        self.text(&time.format("%Y-%m-%d %H:%M UTC").to_string()).markup("</time>")
    }
}

pub(super) fn head(names: &Names) -> Vec<u8> {
    let mut html = Html::default();
    let title = format!("Chat with {}", names.of(names.participant));
    html.markup(HEAD).text(&title).markup(STYLE).text(&title).markup("</h1>\n");
    html.0.into_bytes()
}

pub(super) fn messages(names: &Names, messages: &[MessageView]) -> Vec<u8> {
    let mut html = Html::default();
    for message in messages {
        write(&mut html, names, message);
    }
    html.0.into_bytes()
}

pub(super) fn foot() -> Vec<u8> {
    FOOT.into()
}

fn write(html: &mut Html, names: &Names, message: &MessageView) {
    html.markup("<article id=\"m").text(&message.number.to_string()).markup("\"");
    html.markup(if message.sender_id == names.own { " class=\"own\">\n" } else { ">\n" });
    html.markup("<header><b dir=\"auto\">").text(names.of(message.sender_id)).markup("</b> ");
    html.time(message.sent_at);
    if message.edited_at.is_some() {
        html.markup(" · edited");
    }
    if message.pinned {
        html.markup(" · pinned");
    }
    if message.starred {
        html.markup(" · starred");
    }
    html.markup("</header>\n");
    if message.deleted {
        let gone = if message.expired {
            "This message has disappeared."
        } else {
            "This message was deleted."
        };
        html.markup("<p class=\"gone\">").markup(gone).markup("</p>\n");
    } else {
        write_content(html, names, message);
    }
    html.markup("</article>\n");
}

fn write_content(html: &mut Html, names: &Names, message: &MessageView) {
    if let Some(forwarded) = &message.forwarded {
        html.markup("<p class=\"gone\">Forwarded");
        if !forwarded.withheld {
            if let Some(name) = names.known(forwarded.sender_id) {
                html.markup(" from ").text(name);
            }
            html.markup(", ").time(forwarded.sent_at);
        }
        html.markup("</p>\n");
    }
    if let Some(reply) = &message.reply {
        write_quote(html, names, reply);
    }
    write_file(html, message);
    if let Some(text) = &message.text {
        html.markup("<p dir=\"auto\">").text(text).markup("</p>\n");
    }
    if let Some(answer) = &message.answer {
        let said = answer.answer.as_ref().map(ToString::to_string).unwrap_or_default();
        html.markup("<p><b dir=\"auto\">")
            .text(names.of(answer.account_id))
            .markup("</b> answered ");
        html.text(&said).markup("</p>\n");
    }
    if !message.reactions.is_empty() {
        html.markup("<footer>");
        for reaction in &message.reactions {
            html.text(&reaction.emoji).markup(" ").text(names.of(reaction.account_id)).markup(" ");
        }
        html.markup("</footer>\n");
    }
}

fn write_quote(html: &mut Html, names: &Names, quote: &QuoteView) {
    html.markup("<blockquote><a href=\"#m").text(&quote.number.to_string()).markup("\">");
    html.text(names.of(quote.sender_id)).markup("</a>");
    if quote.deleted {
        html.markup("<p class=\"gone\">This message is gone.</p>");
    } else if let Some(text) = &quote.text {
        html.markup("<p dir=\"auto\">").text(text).markup("</p>");
    }
    html.markup("</blockquote>\n");
}

/// A link to where the file lies beside the page; an image shows itself.
fn write_file(html: &mut Html, message: &MessageView) {
    let Some(file) = &message.file else { return };
    let id = file.file_id.to_string();
    let name = file.details.as_ref().and_then(|it| it.name.as_deref()).unwrap_or(&id);
    html.markup("<p><a href=\"files/").text(&id).markup("\" download=\"").text(name).markup("\">");
    if message.kind == "image" {
        html.markup("<img src=\"files/").text(&id).markup("\" loading=\"lazy\" alt=\"").text(name);
        html.markup("\">");
    } else {
        html.text(name);
    }
    html.markup("</a></p>\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_somebody_wrote_stays_text() {
        let mut html = Html::default();
        html.markup("<p title=\"").text("\"><script>alert('&amp;')</script>").markup("\">");
        let expected =
            "<p title=\"&quot;&gt;&lt;script&gt;alert(&#39;&amp;amp;&#39;)&lt;/script&gt;\">";
        assert_eq!(html.0, expected);
    }
}
