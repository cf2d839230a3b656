//! Loads libpcap when it is first needed, not when the program is linked or started.
//!
//! The `pcap` crate links `-lpcap`: a program that uses it cannot be built without libpcap's headers, nor started
//! without libpcap, not even to read a file. This crate is placed in between. Its build script puts an empty
//! `libpcap.a` on the linker's path, and it exports every function that the `pcap` crate calls on Unix. Each of them
//! looks up its name in the real library at first use:
//!
//! ```text
//!   program ──► pcap crate ──► pcap_create here ──► dlopen, dlsym ──► pcap_create of libpcap.so.0.8
//! ```
//!
//! A program contains `use libpcap_dl as _;` once, so that this crate is linked, and calls [`load`] to find out whether
//! the library is available. If it is not, the functions that create something ([`pcap_create`], [`pcap_findalldevs`]
//! …) fail like those of libpcap, with a message in the error buffer, so there is never a handle to pass to the others.
//!
//! It is for programs, not for libraries: the names it exports would take precedence over those of a libpcap that the
//! process links or loads itself.
//!
//! # Safety
//!
//! The exported functions are called only by the `pcap` crate, through its own declarations of them. They forward all
//! their arguments to the function with the same name and type in libpcap, whose contract applies.

use std::ffi::{CStr, c_char, c_int, c_uchar, c_uint, c_void};
use std::fmt;
use std::ptr::{self, NonNull};
use std::sync::OnceLock;

/// The names of the library: on Debian and derivatives, elsewhere on Linux, with headers, on macOS.
const NAMES: [&CStr; 5] =
    [c"libpcap.so.0.8", c"libpcap.so.1", c"libpcap.so", c"libpcap.A.dylib", c"/usr/lib/libpcap.A.dylib"];

/// The reason why libpcap cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Missing {
    /// There is no file with any of its names.
    NotFound,
    /// It exists but could not be loaded, or is older than 1.5 (2013).
    Unusable(Box<str>),
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Missing::NotFound => f.write_str("libpcap is not installed"),
            Missing::Unusable(why) => write!(f, "libpcap cannot be loaded: {why}"),
        }
    }
}

impl std::error::Error for Missing {}

/// Loads the library, unless that was done before.
///
/// # Errors
///
/// Fails if it is missing or cannot be used; the result remains the same until the program ends.
pub fn load() -> Result<(), &'static Missing> {
    library().map(drop)
}

/// The loaded library, which is never unloaded.
struct Library(NonNull<c_void>);

// SAFETY: the handle is only passed to `dlsym`, which any thread may call.
unsafe impl Send for Library {}
// SAFETY: as above.
unsafe impl Sync for Library {}

impl Library {
    /// Loads the first of the `names` that exists.
    fn open(names: &[&CStr]) -> Result<Library, Missing> {
        let mut problem = Missing::NotFound;
        for name in names {
            // SAFETY: the name ends in NUL. libpcap's constructors do nothing that could harm this program. Its symbols
            // remain local (RTLD_LOCAL).
            let handle = unsafe { libc::dlopen(name.as_ptr(), libc::RTLD_NOW | libc::RTLD_LOCAL) };
            let Some(handle) = NonNull::new(handle) else {
                let why = last_error();
                // The loaders of glibc, musl and macOS use different words.
                let absent = ["No such file", "no such file", "not found", "not supported"];
                if !absent.iter().any(|words| why.contains(words)) {
                    problem = Missing::Unusable(why.into());
                }
                continue;
            };
            let library = Library(handle);
            if library.find(c"pcap_set_tstamp_precision").is_some() {
                return Ok(library);
            }
            problem = Missing::Unusable("it is older than version 1.5".into());
        }
        Err(problem)
    }

    fn find(&self, name: &CStr) -> Option<NonNull<c_void>> {
        // SAFETY: the handle belongs to a library that remains loaded, and the name ends in NUL.
        NonNull::new(unsafe { libc::dlsym(self.0.as_ptr(), name.as_ptr()) })
    }
}

fn library() -> Result<&'static Library, &'static Missing> {
    static LIBRARY: OnceLock<Result<Library, Missing>> = OnceLock::new();
    LIBRARY.get_or_init(|| Library::open(&NAMES)).as_ref()
}

fn last_error() -> String {
    // SAFETY: `dlerror` returns NULL or a text that is valid until this thread calls it again.
    let text = unsafe { libc::dlerror() };
    if text.is_null() {
        return "unknown error".to_owned();
    }
    // SAFETY: it is not NULL and ends in NUL.
    unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned()
}

/// libpcap's `PCAP_ERRBUF_SIZE`.
const ERROR_BUFFER: usize = 256;

/// Writes to the error buffer why a function could not create anything.
///
/// # Safety
///
/// `buffer` is NULL or has room for [`ERROR_BUFFER`] bytes.
unsafe fn explain(buffer: *mut c_char) {
    let text =
        library().err().map_or_else(|| "a function is missing in libpcap".to_owned(), Missing::to_string);
    let length = text.len().min(ERROR_BUFFER - 1);
    if !buffer.is_null() {
        // SAFETY: there is room, the two do not overlap, and a NUL fits after the text.
        unsafe {
            ptr::copy_nonoverlapping(text.as_ptr().cast(), buffer, length);
            *buffer.add(length) = 0;
        }
    }
}

/// Libpcap's handle of a capture, of which only pointers are passed around.
type Handle = *mut c_void;
/// The callback of libpcap for each packet.
type Handler = extern "C" fn(*mut c_uchar, *const c_void, *const c_uchar);

/// Exports functions that forward to the libpcap function with the same name, or evaluate the expression after the `=`
/// if that is unavailable.
macro_rules! forward {
    ($( fn $name:ident($($argument:ident: $type:ty),* $(,)?) $(-> $result:ty)? = $missing:expr; )*) => {
        $(
            #[doc = concat!("Forwards to libpcap's `", stringify!($name), "`.")]
            ///
            /// # Safety
            ///
            /// As documented by libpcap.
            #[unsafe(no_mangle)]
            pub unsafe extern "C" fn $name($($argument: $type),*) $(-> $result)? {
                type Function = unsafe extern "C" fn($($type),*) $(-> $result)?;
                static FOUND: OnceLock<Option<Function>> = OnceLock::new();
                let found = FOUND.get_or_init(|| {
                    let name = CStr::from_bytes_with_nul(concat!(stringify!($name), "\0").as_bytes()).ok()?;
                    let function = library().ok()?.find(name)?;
                    // SAFETY: libpcap's headers declare the function of this name with this type.
                    Some(unsafe { std::mem::transmute::<*mut c_void, Function>(function.as_ptr()) })
                });
                match found {
                    // SAFETY: the caller upholds libpcap's requirements.
                    Some(function) => unsafe { function($($argument),*) },
                    None => $missing,
                }
            }
        )*

        /// The names of the exported functions.
        pub const FUNCTIONS: &[&str] = &[$(stringify!($name)),*];
    };
}

/// Fills in an error buffer and evaluates to a value.
macro_rules! explained {
    ($buffer:expr, $value:expr) => {{
        // SAFETY: libpcap's own rule for its error buffers.
        unsafe { explain($buffer) };
        $value
    }};
}

const ERROR: c_int = -1;

forward! {
    fn pcap_create(device: *const c_char, buffer: *mut c_char) -> Handle = explained!(buffer, ptr::null_mut());
    fn pcap_set_snaplen(handle: Handle, length: c_int) -> c_int = ERROR;
    fn pcap_set_promisc(handle: Handle, on: c_int) -> c_int = ERROR;
    fn pcap_set_rfmon(handle: Handle, on: c_int) -> c_int = ERROR;
    fn pcap_set_timeout(handle: Handle, milliseconds: c_int) -> c_int = ERROR;
    fn pcap_set_buffer_size(handle: Handle, bytes: c_int) -> c_int = ERROR;
    fn pcap_set_tstamp_type(handle: Handle, kind: c_int) -> c_int = ERROR;
    fn pcap_set_tstamp_precision(handle: Handle, precision: c_int) -> c_int = ERROR;
    fn pcap_set_immediate_mode(handle: Handle, on: c_int) -> c_int = ERROR;
    fn pcap_set_want_pktap(handle: Handle, on: c_int) -> c_int = ERROR;
    fn pcap_activate(handle: Handle) -> c_int = ERROR;
    fn pcap_open_dead(link: c_int, length: c_int) -> Handle = ptr::null_mut();
    fn pcap_open_dead_with_tstamp_precision(link: c_int, length: c_int, precision: c_uint) -> Handle = ptr::null_mut();
    fn pcap_open_offline(name: *const c_char, buffer: *mut c_char) -> Handle = explained!(buffer, ptr::null_mut());
    fn pcap_open_offline_with_tstamp_precision(name: *const c_char, precision: c_uint, buffer: *mut c_char) -> Handle
        = explained!(buffer, ptr::null_mut());
    fn pcap_fopen_offline(file: *mut c_void, buffer: *mut c_char) -> Handle = explained!(buffer, ptr::null_mut());
    fn pcap_fopen_offline_with_tstamp_precision(file: *mut c_void, precision: c_uint, buffer: *mut c_char) -> Handle
        = explained!(buffer, ptr::null_mut());
    fn pcap_close(handle: Handle) = ();
    fn pcap_loop(handle: Handle, count: c_int, handler: Handler, user: *mut c_uchar) -> c_int = ERROR;
    fn pcap_dispatch(handle: Handle, count: c_int, handler: Handler, user: *mut c_uchar) -> c_int = ERROR;
    fn pcap_next_ex(handle: Handle, header: *mut *mut c_void, data: *mut *const c_uchar) -> c_int = ERROR;
    fn pcap_breakloop(handle: Handle) = ();
    fn pcap_stats(handle: Handle, into: *mut c_void) -> c_int = ERROR;
    fn pcap_setfilter(handle: Handle, program: *mut c_void) -> c_int = ERROR;
    fn pcap_setdirection(handle: Handle, direction: c_uint) -> c_int = ERROR;
    fn pcap_setnonblock(handle: Handle, on: c_int, buffer: *mut c_char) -> c_int = explained!(buffer, ERROR);
    fn pcap_sendpacket(handle: Handle, data: *const c_uchar, length: c_int) -> c_int = ERROR;
    fn pcap_geterr(handle: Handle) -> *mut c_char = c"libpcap is not installed".as_ptr().cast_mut();
    fn pcap_compile(handle: Handle, program: *mut c_void, text: *const c_char, optimize: c_int, mask: c_uint) -> c_int
        = ERROR;
    fn pcap_freecode(program: *mut c_void) = ();
    fn pcap_offline_filter(program: *const c_void, header: *const c_void, data: *const c_uchar) -> c_int = 0;
    fn pcap_datalink(handle: Handle) -> c_int = ERROR;
    fn pcap_list_datalinks(handle: Handle, list: *mut *mut c_int) -> c_int = ERROR;
    fn pcap_set_datalink(handle: Handle, link: c_int) -> c_int = ERROR;
    fn pcap_free_datalinks(list: *mut c_int) = ();
    fn pcap_datalink_name_to_val(name: *const c_char) -> c_int = ERROR;
    fn pcap_datalink_val_to_name(link: c_int) -> *const c_char = ptr::null();
    fn pcap_datalink_val_to_description(link: c_int) -> *const c_char = ptr::null();
    fn pcap_major_version(handle: Handle) -> c_int = ERROR;
    fn pcap_minor_version(handle: Handle) -> c_int = ERROR;
    fn pcap_fileno(handle: Handle) -> c_int = ERROR;
    fn pcap_get_selectable_fd(handle: Handle) -> c_int = ERROR;
    fn pcap_dump_open(handle: Handle, name: *const c_char) -> *mut c_void = ptr::null_mut();
    fn pcap_dump_open_append(handle: Handle, name: *const c_char) -> *mut c_void = ptr::null_mut();
    fn pcap_dump_fopen(handle: Handle, file: *mut c_void) -> *mut c_void = ptr::null_mut();
    fn pcap_dump_flush(dumper: *mut c_void) -> c_int = ERROR;
    fn pcap_dump_close(dumper: *mut c_void) = ();
    fn pcap_dump(user: *mut c_uchar, header: *const c_void, data: *const c_uchar) = ();
    fn pcap_findalldevs(list: *mut *mut c_void, buffer: *mut c_char) -> c_int = explained!(buffer, ERROR);
    fn pcap_freealldevs(list: *mut c_void) = ();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_file_of_that_name() {
        let missing = Library::open(&[c"libpcap-of-nowhere.so.7", c"/nowhere/libpcap.so"]).err();
        assert_eq!(missing, Some(Missing::NotFound));
    }

    #[test]
    fn file_that_is_no_library() {
        let path = std::env::temp_dir().join(format!("libpcap-dl-{}.so", std::process::id()));
        std::fs::write(&path, b"\x7fELF and no more").unwrap();
        let name = std::ffi::CString::new(path.to_str().unwrap()).unwrap();
        let missing = Library::open(&[&name]).err();
        std::fs::remove_file(&path).unwrap();
        assert!(matches!(&missing, Some(Missing::Unusable(why)) if !why.is_empty()), "{missing:?}");
    }

    #[test]
    fn library_without_the_functions_is_too_old() {
        let other = if cfg!(target_os = "macos") { c"libSystem.dylib" } else { c"libc.so.6" };
        if let Err(Missing::Unusable(why)) = Library::open(&[other]) {
            assert!(why.contains("older") || !cfg!(target_env = "gnu"), "{why}");
        } else {
            let gnu = cfg!(target_env = "gnu");
            assert!(!gnu);
        }
    }

    #[test]
    fn text_is_cut_to_the_error_buffer() {
        let mut buffer = [0x55; ERROR_BUFFER];
        // SAFETY: the buffer has the required size.
        unsafe { explain(buffer.as_mut_ptr()) };
        assert!(buffer.contains(&0));
        // SAFETY: NULL is allowed.
        unsafe { explain(ptr::null_mut()) };
    }

    #[test]
    fn every_function_is_there_where_the_library_is() {
        let Ok(library) = library() else {
            eprintln!("skipped: {}", load().unwrap_err());
            return;
        };
        for name in FUNCTIONS {
            let found = library.find(&std::ffi::CString::new(*name).unwrap());
            assert_eq!(
                found.is_some(),
                *name != "pcap_set_want_pktap" || cfg!(target_os = "macos"),
                "{name}"
            );
        }
    }
}
