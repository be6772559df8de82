//! Builds the dashboard's files into the binary.
//!
//! Takes `web/dist/dashboard` as the web build left it, with the `.br` and `.gz` files beside. Without
//! a build the list is empty, and the daemon says how to make one.

use std::fmt::Write;
use std::fs;
use std::hash::{DefaultHasher, Hasher};
use std::path::{Path, PathBuf};

fn main() -> std::io::Result<()> {
    let root = PathBuf::from(env("CARGO_MANIFEST_DIR")).join("../../web/dist/dashboard");
    // Cargo takes a path that is missing for one that changed, each time: an empty folder ends that.
    let _without_a_build_it_just_runs_again = fs::create_dir_all(&root);
    println!("cargo:rerun-if-changed={}", root.display());
    println!("cargo:rerun-if-changed=build.rs");

    let mut files = Vec::new();
    collect(&root, &mut files)?;
    files.sort();
    let mut code = String::from("static ASSETS: &[Asset] = &[\n");
    for file in files
        .iter()
        .filter(|file| !is_compressed(file, &files) && **file != root.join("index.html"))
    {
        entry(&root, file, &mut code)?;
    }
    code.push_str("];\n");
    let page = root.join("index.html");
    let page = if page.is_file() {
        format!("Some(include_str!({page:?}))")
    } else {
        "None".to_owned()
    };
    writeln!(code, "const PAGE: Option<&str> = {page};").map_err(std::io::Error::other)?;
    fs::write(Path::new(&env("OUT_DIR")).join("assets.rs"), code)
}

fn env(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("cargo sets {name} for build scripts"))
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    if !folder.is_dir() {
        return Ok(());
    }
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}

/// A compressed form of another file.
fn is_compressed(file: &Path, files: &[PathBuf]) -> bool {
    let packed = file
        .extension()
        .is_some_and(|end| end == "br" || end == "gz");
    packed && files.contains(&file.with_extension(""))
}

fn entry(root: &Path, file: &Path, code: &mut String) -> std::io::Result<()> {
    let content = fs::read(file)?;
    let name = file
        .strip_prefix(root)
        .map_err(std::io::Error::other)?
        .to_string_lossy()
        .replace('\\', "/");
    let mut hasher = DefaultHasher::new();
    hasher.write(&content);
    let smaller = |suffix: &str| -> String {
        let path = PathBuf::from(format!("{}.{suffix}", file.display()));
        match fs::metadata(&path) {
            Ok(meta) if meta.len() < content.len() as u64 => {
                format!("Some(include_bytes!({path:?}))")
            }
            _ => "None".to_owned(),
        }
    };
    writeln!(
        code,
        "    Asset {{ path: {name:?}, kind: {:?}, etag: \"\\\"{:016x}\\\"\", identity: include_bytes!({file:?}), br: {}, gz: {} }},",
        kind(&name),
        hasher.finish(),
        smaller("br"),
        smaller("gz"),
    )
    .map_err(std::io::Error::other)
}

fn kind(name: &str) -> &'static str {
    match name.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "webp" => "image/webp",
        "woff2" => "font/woff2",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}
