//! The `triaged` command. Only this file ends the process.

fn main() -> std::process::ExitCode {
    triaged::cli::main().into()
}
