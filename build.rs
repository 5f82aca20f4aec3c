//! Puts the shipped rule files and answer texts into the program, every file that lies there and none by hand: the
//! program never depends on the working directory, and a new file cannot be forgotten.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    let mut code = String::new();
    embed(&mut code, "RULES", &root, "rules", "toml")?;
    embed(&mut code, "TEMPLATES", &root, "config/templates/acknowledgement", "txt")?;
    embed(&mut code, "REFERRALS", &root, "config/templates/referral", "toml")?;
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it"));
    fs::write(out.join("shipped.rs"), code)?;
    fs::write(out.join("fixtures.rs"), fixtures(&root)?)
}

/// The mails the demo delivers, and what is said about each.
fn fixtures(root: &Path) -> io::Result<String> {
    let mut code = String::new();
    embed(&mut code, "MAILS", root, "fixtures/mails", "eml")?;
    let expected = root.join("fixtures/mails/expected.toml").display().to_string();
    Ok(format!("{code}const EXPECTED: &str = include_str!({expected:?});\n"))
}

/// A constant with (path below the root, text) of every file of that ending, sorted.
fn embed(code: &mut String, name: &str, root: &Path, folder: &str, ending: &str) -> io::Result<()> {
    println!("cargo:rerun-if-changed={folder}");
    let mut paths = Vec::new();
    for entry in fs::read_dir(root.join(folder)).into_iter().flatten() {
        paths.push(entry?.path());
    }
    paths.retain(|path| path.extension().is_some_and(|e| e == ending));
    paths.sort();
    // Mails are bytes and known by their file name; the rest is text and known by its path.
    let mails = ending == "eml";
    let (kind, include) = if mails { ("[u8]", "include_bytes") } else { ("str", "include_str") };
    writeln!(code, "const {name}: &[(&str, &{kind})] = &[").expect("a string takes everything");
    for path in paths {
        let file = path.file_name().unwrap_or_default().to_string_lossy();
        let shown = if mails { file.into_owned() } else { format!("{folder}/{file}") };
        writeln!(code, "    ({shown:?}, {include}!({:?})),", path.display().to_string()).expect("a string takes everything");
    }
    writeln!(code, "];").expect("a string takes everything");
    Ok(())
}
