use anyhow::Context as _;
use clap::Command;
use clap_complete::Shell;

/// Write a shell completion script for wirefin's commands and flags
///
/// For bash: `wirefin completions bash > /etc/bash_completion.d/wirefin`; for zsh, a file `_wirefin` in a folder of
/// $fpath; for fish, `~/.config/fish/completions/wirefin.fish`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Which shell
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

impl Args {
    pub(super) fn run(&self, mut program: Command) -> anyhow::Result<()> {
        // clap's generator panics if its writer fails.
        let mut text = Vec::new();
        clap_complete::generate(self.shell, &mut program, "wirefin", &mut text);
        super::stdout::write_stdout(&text).context("cannot write standard output")?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory as _, ValueEnum as _};
    use clap_complete::Shell;

    use super::super::parse::Cli;

    #[test]
    fn every_shell_learns_of_the_flags() {
        for shell in Shell::value_variants() {
            let mut text = Vec::new();
            clap_complete::generate(*shell, &mut Cli::command(), "wirefin", &mut text);
            let text = String::from_utf8(text).unwrap();
            assert!(text.contains("max-message") && text.contains("export"), "{shell}");
        }
    }
}
