//! What goes out because of a mail: whether to answer ([`guard`]), the acknowledgement, the forward. Pure.

pub mod guard;
pub mod template;
