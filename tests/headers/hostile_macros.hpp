// Macros of other people's headers, which a program may have included before coproc's. No #pragma once: standard
// headers undefine some, so that this is included again behind them.

// X11/X.h, Xlib.h, Xutil.h, Xresource.h
#define Above 0
#define AllValues 0x000F
#define AllocAll 1
#define AllocNone 0
#define AllowExposures 1
#define AlreadyGrabbed 1
#define Always 2
#define AnyButton 0L
#define AnyKey 0L
#define AnyModifier (1 << 15)
#define BadAccess 10
#define BadRequest 1
#define BadValue 2
#define Below 1
#define BottomIf 3
#define Bool int
#define Button1 1
#define CenterGravity 5
#define ClientMessage 33
#define Complex 0
#define ControlMask (1 << 2)
#define Convex 2
#define CopyFromParent 0L
#define CurrentTime 0L
#define CursorShape 0
#define DefaultBlanking 2
#define Expose 12
#define False 0
#define FirstExtensionError 128
#define FocusIn 9
#define FocusOut 10
#define GrabSuccess 0
#define HostDelete 1
#define HostInsert 0
#define InputOnly 2
#define InputOutput 1
#define KeyPress 2
#define LastEvent 36
#define LockMask (1 << 1)
#define LSBFirst 0
#define None 0L
#define NoEventMask 0L
#define NoSymbol 0L
#define Nonconvex 1
#define NotUseful 0
#define Opposite 4
#define ParentRelative 1L
#define PointerRoot 1L
#define PropertyNotify 28
#define RevertToNone 0
#define ReleaseByFreeingColormap ((XID)1L)
#define RetainPermanent 1
#define SelectionRequest 30
#define Status int
#define Success 0
#define TopIf 2
#define True 1
#define Unsorted 0
#define WhenMapped 1
#define XValue 0x0001
#define Window int

// Qt's qtmetamacros.h, qglobal.h
#define emit
#define foreach(element, container) for (element : container)
#define forever for (;;)
#define signals public
#define slots

// Windows, and what Linux programs have that are written for it, too
#define CALLBACK
#define CONST const
#define CreateProcess CreateProcessW
#define DELETE 0x00010000L
#define DOMAIN 1
#define ERROR 0
#define GetMessage GetMessageW
#define IN
#define OUT
#define OPTIONAL
#define OVERFLOW 3
#define STRICT 1
#define SendMessage SendMessageW
#define Yield()
#define far
#define interface struct
#define max(a, b) (((a) > (b)) ? (a) : (b))
#define min(a, b) (((a) < (b)) ? (a) : (b))
#define near
#define small char

// C headers: complex.h, sys/param.h, sys/sysmacros.h, curses.h, term.h, termios.h, syslog.h, stdbool.h
#define I _Complex_I
#define MAX(a, b) (((a) > (b)) ? (a) : (b))
#define MIN(a, b) (((a) < (b)) ? (a) : (b))
#define howmany(x, y) (((x) + ((y)-1)) / (y))
#define isset(a, i) ((a)[(i) / 8] & (1 << ((i) % 8)))
#define roundup(x, y) ((((x) + ((y)-1)) / (y)) * (y))
#define major(device) 1
#define minor(device) 2
#define makedev(a, b) 3
#define ERR (-1)
#define OK 0
#define TRUE 1
#define FALSE 0
#define B0 0
#define B110 3
#define CR1 1
#define ECHO 8
#define bell (Strings[1])
#define buttons (Numbers[30])
#define columns (Numbers[0])
#define lines (Numbers[2])
#define tab (Strings[134])
#define LOG_ERR 3

// What a compiler itself defines with -std=gnu++20
#define linux 1
#define unix 1

// gettext, glib, the kernel, Python.h, checks and logs
#define _(text) (text)
#define N_(text) text
#define ABS(a) (((a) < 0) ? -(a) : (a))
#define CLAMP(x, low, high) (x)
#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)
#define container_of(pointer, type, member) (pointer)
#define ASSERT(x) ((void)0)
#define CHECK(x) ((void)0)
#define DEBUG 1
#define FAIL() ((void)0)
#define INFO 1
#define LOG(level) std::cerr
#define LIKELY(x) (x)
#define REQUIRE(x) ((void)0)
#define TEST(x) void x()
#define UNUSED(x) ((void)(x))
#define VERSION "1"
#define PACKAGE "p"
