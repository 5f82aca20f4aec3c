//! A private Dovecot: IMAP in clear text, with STARTTLS and with TLS, and LMTP. Runs as root (CI) or as anybody.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::tls::Certificates;
use super::{Lines, free_port, greeting, needs, output, signal_group, until};

/// User id of the mail when the server runs as root, which Dovecot will not let own mail: nobody.
const NOBODY: u32 = 65534;

/// The password of every user.
pub const PASSWORD: &str = "only \"for\" tests\\1";

/// A running Dovecot, or one that was killed and can be started again on the same ports.
pub struct Dovecot {
    dir: tempfile::TempDir,
    child: Option<Child>,
    is_root: bool,
    /// Clear text and STARTTLS.
    pub imap: u16,
    /// TLS from the first byte.
    pub imaps: u16,
    /// LMTP.
    pub lmtp: u16,
    /// SASL for Postfix.
    pub auth: u16,
    /// The CA to trust and the certificate shown.
    pub certificates: Certificates,
}

fn remove_locks(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let (path, kind) = (entry.path(), entry.file_type());
        if kind.is_ok_and(|kind| kind.is_dir()) {
            remove_locks(&path);
        } else if path.extension().is_some_and(|ending| ending == "lock") {
            let _ = fs::remove_file(path);
        }
    }
}

impl Dovecot {
    /// Starts one with these users; each name is an address, and what LMTP delivers to.
    pub fn start(users: &[&str]) -> Self {
        Self::start_with(users, "")
    }

    /// The same, with more lines of configuration.
    pub fn start_with(users: &[&str], more: &str) -> Self {
        needs("/usr/sbin/dovecot", "dovecot-imapd dovecot-lmtpd");
        let dir = tempfile::Builder::new().prefix("triaged-dovecot-").tempdir().expect("a temporary folder");
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).expect("it is ours");
        let is_root = fs::metadata(dir.path()).expect("it exists").uid() == 0;
        let certificates = Certificates::make(dir.path());
        let [imap, imaps, lmtp, auth] = [(); 4].map(|()| free_port());
        let mut dovecot = Dovecot { dir, child: None, is_root, imap, imaps, lmtp, auth, certificates };
        dovecot.write_files(users, more);
        dovecot.run();
        dovecot
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn config(&self) -> PathBuf {
        self.path("dovecot.conf")
    }

    fn write_files(&self, users: &[&str], more: &str) {
        let owner = if self.is_root { NOBODY } else { fs::metadata(self.dir.path()).expect("it exists").uid() };
        let mut lines = String::new();
        for user in users {
            let home = self.path("mail").join(user);
            fs::create_dir_all(&home).expect("the folder can be made");
            if self.is_root {
                chown(&home, Some(NOBODY), Some(NOBODY)).expect("root may");
            }
            lines.push_str(&format!("{user}:{{PLAIN}}{PASSWORD}:{owner}:{owner}::{}::\n", home.display()));
        }
        fs::write(self.path("users"), lines).expect("the folder can be written");
        fs::write(self.config(), self.text(more)).expect("the folder can be written");
    }

    fn text(&self, more: &str) -> String {
        let Dovecot { imap, imaps, lmtp, auth, .. } = self;
        let dir = self.dir.path().display();
        // Root uses the users that the package made; anybody else runs everything as himself, without chroot.
        let as_whom = if self.is_root {
            String::new()
        } else {
            let me = output(Command::new("id").arg("-un"));
            let group = output(Command::new("id").arg("-gn"));
            let (me, group) = (me.trim(), group.trim());
            format!(
                "default_internal_user = {me}\ndefault_login_user = {me}\ndefault_internal_group = {group}\n\
                 service anvil {{\n chroot =\n}}\nservice imap-login {{\n chroot =\n}}\nservice stats {{\n chroot =\n}}\n"
            )
        };
        format!(
            r#"base_dir = {dir}/run
state_dir = {dir}/state
log_path = {dir}/dovecot.log
protocols = imap lmtp
listen = 127.0.0.1
ssl = yes
ssl_cert = <{dir}/server.pem
ssl_key = <{dir}/server.key
disable_plaintext_auth = no
auth_mechanisms = plain login
auth_failure_delay = 0
verbose_proctitle = yes
first_valid_uid = 0
first_valid_gid = 0
passdb {{
  driver = passwd-file
  args = {dir}/users
}}
userdb {{
  driver = passwd-file
  args = {dir}/users
}}
mail_location = maildir:~/Maildir
namespace inbox {{
  inbox = yes
  mailbox Junk {{
    auto = create
    special_use = \Junk
  }}
  mailbox Sent {{
    auto = create
    special_use = \Sent
  }}
}}
protocol lmtp {{
  postmaster_address = postmaster@example.org
}}
service imap-login {{
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = {imaps}
    ssl = yes
  }}
}}
service lmtp {{
  inet_listener lmtp {{
    address = 127.0.0.1
    port = {lmtp}
  }}
}}
service auth {{
  inet_listener auth {{
    address = 127.0.0.1
    port = {auth}
  }}
}}
{as_whom}{more}
"#
        )
    }

    /// Starts the server, and returns when it talks.
    pub fn run(&mut self) {
        // A lock file that a killed process left behind holds deliveries up for two minutes; nobody can hold one now.
        remove_locks(self.dir.path());
        let mut command = Command::new("/usr/sbin/dovecot");
        command.arg("-F").arg("-c").arg(self.config()).stdin(Stdio::null()).stdout(Stdio::null()).process_group(0);
        let log = fs::File::create(self.path("stderr.log")).expect("the folder can be written");
        self.child = Some(command.stderr(log).spawn().expect("dovecot can be started"));
        let ports = [self.imap, self.lmtp];
        until("Dovecot greets; see its log above", || {
            let ended = self.child.as_mut().is_some_and(|child| child.try_wait().is_ok_and(|ended| ended.is_some()));
            assert!(!ended, "Dovecot ended: {}", self.log());
            ports.iter().all(|port| greeting(*port).is_some()).then_some(())
        });
    }

    /// Where all its files are.
    pub fn folder(&self) -> &Path {
        self.dir.path()
    }

    /// What it wrote into its logs.
    pub fn log(&self) -> String {
        ["stderr.log", "dovecot.log"].iter().filter_map(|name| fs::read_to_string(self.path(name)).ok()).collect()
    }

    /// Ends it and everything it started, at once.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            signal_group(&child, "KILL");
            let _ = child.wait();
        }
    }

    /// Halts it with everything it started: connections stay open and nobody answers.
    pub fn halt(&self) {
        self.child.iter().for_each(|child| signal_group(child, "STOP"));
    }

    /// Returns when a session of `user` is in IDLE: the server's processes say so in their titles.
    pub fn idling(&self, user: &str) {
        let group = self.child.as_ref().map(|child| child.id().to_string()).unwrap_or_default();
        until("a session is in IDLE", || {
            let idles = |dir: fs::DirEntry| {
                let title = fs::read(dir.path().join("cmdline")).unwrap_or_default();
                let title = String::from_utf8_lossy(&title).into_owned();
                let stat = fs::read_to_string(dir.path().join("stat")).unwrap_or_default();
                let its_group = stat.rsplit(')').next().and_then(|rest| rest.split(' ').nth(3));
                title.contains(user) && title.contains("IDLE") && its_group == Some(&group)
            };
            fs::read_dir("/proc").ok()?.flatten().any(idles).then_some(())
        });
    }

    /// Lets it go on.
    pub fn go_on(&self) {
        self.child.iter().for_each(|child| signal_group(child, "CONT"));
    }

    /// Delivers a mail by LMTP.
    pub fn deliver(&self, user: &str, mail: &[u8]) {
        Lines::connect(self.lmtp).hand_over("LHLO", "ana@example.net", user, mail);
    }

    /// Puts many mails into a folder (`""` is the inbox, `.Junk` the junk folder) at once, as files.
    pub fn drop_into(&self, user: &str, folder: &str, mails: impl IntoIterator<Item = Vec<u8>>) {
        self.folder_of(user, folder);
        let dir = self.maildir(user).join(folder);
        for (number, mail) in mails.into_iter().enumerate() {
            let name = format!("{}.M{number:06}P{}.test", 1_762_000_000 + number, std::process::id());
            let tmp = dir.join("tmp").join(&name);
            fs::write(&tmp, mail).expect("the Maildir can be written");
            if self.is_root {
                chown(&tmp, Some(NOBODY), Some(NOBODY)).expect("root may");
            }
            fs::rename(tmp, dir.join("new").join(name)).expect("the Maildir can be written");
        }
    }

    /// Has the server make its folders, if it has not yet.
    fn folder_of(&self, user: &str, folder: &str) {
        if !self.maildir(user).join(folder).join("new").exists() {
            let name = if folder.is_empty() { "INBOX" } else { folder.trim_start_matches('.') };
            self.doveadm(&["mailbox", "status", "-u", user, "messages", name]);
        }
    }

    /// Where a user's mail lies.
    pub fn maildir(&self, user: &str) -> PathBuf {
        self.path("mail").join(user).join("Maildir")
    }

    /// Runs `doveadm` on this server and returns what it prints.
    pub fn doveadm(&self, arguments: &[&str]) -> String {
        output(Command::new("doveadm").arg("-c").arg(self.config()).args(arguments))
    }

    /// `UID flags` of every mail in a folder, one a line, as the server has them.
    pub fn flags(&self, user: &str, folder: &str) -> Vec<String> {
        let text = self.doveadm(&["-f", "flow", "fetch", "-u", user, "uid flags", "mailbox", folder, "all"]);
        text.lines().map(str::to_owned).collect()
    }

    /// The CA's file.
    pub fn ca(&self) -> &Path {
        &self.certificates.ca
    }
}

impl Drop for Dovecot {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("Dovecot's log:\n{}", self.log());
        }
        self.kill();
    }
}
