//! LOGIN: a name and a password in two messages. It is in no RFC, and PLAIN should be used instead.

/// What a server asks for in LOGIN, in the words that clients know best.
///
/// The name comes first, as a [`Name`](crate::wire::Name); where it comes with AUTH, the server asks for the password
/// at once. The password is a [`Password`](super::Password). Servers use different words, so a client should rather count
/// the challenges than read them.
pub const LOGIN_PROMPTS: [&str; 2] = ["Username:", "Password:"];
