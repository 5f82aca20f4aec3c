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
    fs::write(Path::new(&env::var_os("OUT_DIR").expect("cargo sets it")).join("shipped.rs"), code)
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
    writeln!(code, "const {name}: &[(&str, &str)] = &[").expect("a string takes everything");
    for path in paths {
        let file = path.file_name().unwrap_or_default().to_string_lossy();
        let shown = format!("{folder}/{file}");
        writeln!(code, "    ({shown:?}, include_str!({:?})),", path.display().to_string()).expect("a string takes everything");
    }
    writeln!(code, "];").expect("a string takes everything");
    Ok(())
}
