//! A private Postfix: takes mail on the loopback, in clear text, with STARTTLS and with TLS, with or without login, and
//! delivers all of it by LMTP. Needs root, as Postfix does; CI is root.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::{Command, Stdio};

use super::dovecot::Dovecot;
use super::{Lines, free_port, greeting, needs, until};

/// The services of `master.cf`: what a machine that receives and hands on needs.
const SERVICES: &str = "\
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
proxywrite unix - - n - 1 proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
lmtp unix - - n - - lmtp
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
tlsmgr unix - - n 1000? 1 tlsmgr
postlog unix-dgram n - n - 1 postlogd
";

/// A running Postfix.
pub struct Postfix {
    dir: tempfile::TempDir,
    /// SMTP, in clear text or with STARTTLS; login is offered, not required.
    pub smtp: u16,
    /// The same with TLS from the first byte.
    pub smtps: u16,
    /// In clear text and without login, as other machines hand mail over: works while Dovecot, which checks logins, is down.
    pub relay: u16,
}

impl Postfix {
    /// Starts one that delivers mail for any user of example.org and example.net by LMTP to
    /// `dovecot`, shows its certificate, and has it check logins.
    pub fn start(dovecot: &Dovecot) -> Self {
        needs("/usr/sbin/postfix", "postfix");
        let dir = tempfile::Builder::new().prefix("triaged-postfix-").tempdir().expect("a temporary folder");
        let is_root = fs::metadata(dir.path()).expect("it exists").uid() == 0;
        assert!(is_root, "Postfix can only be started by root: run the tests as root (CI does) or with sudo");
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).expect("it is ours");
        let postfix = Postfix { dir, smtp: free_port(), smtps: free_port(), relay: free_port() };
        postfix.write_files(dovecot);
        postfix.command("start");
        until("Postfix greets", || greeting(postfix.smtp));
        postfix
    }

    fn write_files(&self, dovecot: &Dovecot) {
        let (dir, smtp, smtps, relay) = (self.dir.path(), self.smtp, self.smtps, self.relay);
        let Dovecot { lmtp, auth, certificates, .. } = dovecot;
        for part in ["config", "queue", "data"] {
            fs::create_dir(dir.join(part)).expect("the folder can be made");
        }
        let owned = Command::new("chown").arg("postfix").arg(dir.join("data")).status();
        assert!(owned.is_ok_and(|status| status.success()), "the user `postfix` is missing: install postfix");
        let main = format!(
            "compatibility_level = 3.6
queue_directory = {dir}/queue
data_directory = {dir}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
maillog_file = {dir}/postfix.log
maillog_file_prefixes = {dir}
myhostname = mx.example.org
mydestination =
alias_maps =
local_recipient_maps =
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
virtual_mailbox_domains = example.org, example.net
virtual_transport = lmtp:inet:127.0.0.1:{lmtp}
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_client_connection_rate_limit = 0
default_destination_concurrency_limit = 20
minimal_backoff_time = 1s
maximal_backoff_time = 2s
queue_run_delay = 1s
smtpd_peername_lookup = no
smtpd_tls_security_level = may
smtpd_tls_chain_files = {key}, {certificate}
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = inet:127.0.0.1:{auth}
message_size_limit = 60000000
mailbox_size_limit = 0
",
            dir = dir.display(),
            key = certificates.key.display(),
            certificate = certificates.certificate.display(),
        );
        fs::write(dir.join("config/main.cf"), main).expect("the folder can be written");
        let services = format!(
            "127.0.0.1:{smtp} inet n - n - - smtpd\n127.0.0.1:{smtps} inet n - n - - smtpd -o smtpd_tls_wrappermode=yes\n\
             127.0.0.1:{relay} inet n - n - - smtpd -o smtpd_sasl_auth_enable=no\n{SERVICES}"
        );
        fs::write(dir.join("config/master.cf"), services).expect("the folder can be written");
    }

    fn command(&self, word: &str) {
        let config = self.dir.path().join("config");
        // Its output goes to files: the daemon would keep a pipe open.
        let log = fs::File::create(self.dir.path().join(format!("{word}.log"))).expect("the folder can be written");
        let mut command = Command::new("/usr/sbin/postfix");
        command.arg("-c").arg(config).arg(word).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let status = command.status().expect("postfix can be run");
        if !status.success() && !std::thread::panicking() {
            panic!("`postfix {word}` failed: {}", self.log());
        }
    }

    /// Has it try again at once whatever it holds back because it could not be delivered.
    pub fn flush(&self) {
        self.command("flush");
    }

    /// Where all its files are.
    pub fn folder(&self) -> &Path {
        self.dir.path()
    }

    /// What it wrote into its logs.
    pub fn log(&self) -> String {
        ["start.log", "postfix.log"].iter().filter_map(|name| fs::read_to_string(self.dir.path().join(name)).ok()).collect()
    }

    /// Hands a mail over by SMTP, as any other server would.
    pub fn hand_over(&self, from: &str, to: &str, mail: &[u8]) {
        Lines::connect(self.relay).hand_over("EHLO", from, to, mail);
    }
}

impl Drop for Postfix {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("Postfix's log:\n{}", self.log());
        }
        // `abort` ends everything at once; the master's pid file is held locked for as long as it lives.
        self.command("abort");
    }
}
