//! POP3 without I/O.
#![no_std]
