//! What a shell gets: colours, completions, manual pages, help, and pipes that end.

use super::{SENDER, folder, http};
use std::process::{Command, Stdio};

#[test]
fn there_are_colours_on_a_terminal_only_and_not_against_its_will() {
    let folder = folder();
    let request = http("\n", b"{}");
    let verify = [&["verify"], SENDER.as_slice()].concat();
    let piped = folder.run_with(&verify, &[], &request).unwrap();
    assert!(!piped.text().contains('\u{1b}'));
    // As if there was a terminal.
    let forced = [("CLICOLOR_FORCE", "1")];
    let coloured = folder.run_with(&verify, &forced, &request).unwrap();
    assert!(
        coloured
            .text()
            .starts_with("\u{1b}[31mbad_signature\u{1b}[0m: ")
    );
    let unwanted = [("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")];
    let plain = folder.run_with(&verify, &unwanted, &request).unwrap();
    assert_eq!(plain.text(), piped.text());
}

#[test]
fn completions_are_scripts_that_name_every_command() {
    let folder = folder();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = folder.run(&["completions", shell]).unwrap();
        assert_eq!(script.code, Some(0));
        for command in ["listen", "trigger", "replay", "verify", "serve"] {
            assert!(script.text().contains(command), "{shell} {command}");
        }
        folder.file(shell, &script.stdout);
    }
    // Whichever of them are here.
    for (shell, check) in [("bash", "-n"), ("zsh", "-n"), ("fish", "--no-execute")] {
        let checked = Command::new(shell)
            .args([check, shell])
            .current_dir(folder.path(""))
            .stdout(Stdio::null())
            .status();
        if let Ok(status) = checked {
            assert!(status.success(), "{shell} does not take its script");
        }
    }
    assert_eq!(folder.run(&["completions", "csh"]).unwrap().code, Some(2));
}

#[test]
fn manual_pages_are_written_for_every_command() {
    let folder = folder();
    std::fs::create_dir(folder.path("man1")).unwrap();
    let pages = folder.run(&["man", "man1", "--json"]).unwrap().json();
    let pages = pages["pages"].as_array().unwrap();
    for page in [
        "countersign.1",
        "countersign-listen.1",
        "countersign-core-show.1",
    ] {
        let file = format!("man1/{page}");
        assert!(pages.contains(&file.as_str().into()), "{page}");
        let text = std::fs::read_to_string(folder.path(&file)).unwrap();
        assert!(text.contains(".TH") && text.contains("SYNOPSIS"), "{page}");
    }
    assert!(
        folder
            .run(&["man"])
            .unwrap()
            .text()
            .contains(".TH countersign 1")
    );
    assert_eq!(
        folder.run(&["man", "no-such-folder"]).unwrap().code,
        Some(2)
    );
}

#[test]
fn the_help_lists_the_commands_and_teaches_by_example() {
    let folder = folder();
    let help = folder.run(&["--help"]).unwrap();
    assert_eq!(help.code, Some(0));
    let commands: Vec<_> = help
        .text()
        .lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert_eq!(
        commands,
        [
            "serve",
            "listen",
            "trigger",
            "replay",
            "verify",
            "explain",
            "sign",
            "backup",
            "check",
            "migrate-store",
            "config",
            "keys",
            "core",
            "version",
            "completions",
            "man",
            "help"
        ]
    );
    for command in &commands[..commands.len() - 1] {
        let help = folder.run(&[command, "--help"]).unwrap();
        assert_eq!(help.code, Some(0), "{command}");
        assert!(
            help.text()
                .contains(&format!("Usage: countersign {command}")),
            "{command}"
        );
        let is_group = ["keys", "core"].contains(command);
        assert!(is_group || help.text().contains("Example"), "{command}");
    }
    let none = folder.run(&[]).unwrap();
    assert_eq!((none.code, none.text()), (Some(2), ""));
    assert!(none.stderr.contains("countersign listen"));
    assert_eq!(folder.run(&["toString"]).unwrap().code, Some(2));
}

#[test]
fn who_stops_reading_ends_a_command_without_a_complaint() {
    let folder = folder();
    let script = "\"$0\" trigger --list | head -n 1";
    let ran = folder
        .shell(script, &[])
        .unwrap()
        .wait_with_output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&ran.stderr), "");
    assert_eq!(
        String::from_utf8_lossy(&ran.stdout),
        "cleanmails email.sent\n"
    );
}
