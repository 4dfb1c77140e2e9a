#include "ring/ring.hpp"
