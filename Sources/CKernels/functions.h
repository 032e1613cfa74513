/// The functions of gate.h with their slopes, for loops that are compiled once for each kind: the kind is a
/// constant where these are inlined. Private to this target.
#ifndef CKERNELS_FUNCTIONS_H
#define CKERNELS_FUNCTIONS_H

#include <math.h>

#include "exp.h"
#include "gate.h"

#define CK_INLINE static inline __attribute__((always_inline))

/// tanh x; the error stays below 2e-7.
CK_INLINE float tanh_f32(float x) { return 1.0f - 2.0f / (exp_f32(2.0f * x) + 1.0f); }

/// e^(-x^2 / 2), of which the density of the normal distribution is a part.
CK_INLINE float bell_f32(float x) { return exp_f32(-0.5f * x * x); }

/// The share of the normal distribution below x; the error stays below 3e-7.
///
/// Abramowitz and Stegun, 7.1.26, at |x| / sqrt 2, which has an error of 1.5e-7 by itself.
CK_INLINE float normal_share_f32(float x, float bell) {
  const float z = fabsf(x) * 0.70710678f, t = 1.0f / (1.0f + 0.3275911f * z);
  float p = 1.061405429f;
  p = p * t - 1.453152027f;
  p = p * t + 1.421413741f;
  p = p * t - 0.284496736f;
  p = p * t + 0.254829592f;
  const float rest = 0.5f * p * t * bell;
  return x < 0.0f ? rest : 1.0f - rest;
}

/// d f(g).
CK_INLINE float value_times(ck_function f, float g, float d) {
  const float a = f.a, b = f.b;
  switch (f.kind) {
    case CK_SILU: return d * g * sigmoid_f32(g);
    case CK_GELU: return d * (g * normal_share_f32(g, bell_f32(g)));
    case CK_GELU_TANH: {
      const float t = tanh_f32(0.79788456f * (g + 0.044715f * g * g * g));
      return d * (0.5f * g * (1.0f + t));
    }
    case CK_RELU: return d * (g > 0.0f ? g : 0.0f);
    case CK_SQUARED_RELU: return d * (g > 0.0f ? g * g : 0.0f);
    case CK_SIGMOID: return d * sigmoid_f32(g);
    case CK_SCALE: return d * (a * g);
    case CK_CAP: return d * (a * tanh_f32(g / a));
    case CK_SWISH: {
      const float h = g > b ? b : g;
      return d * h * sigmoid_f32(a * h);
    }
    default: return d * ((g < -a ? -a : g > a ? a : g) + b);
  }
}

/// d f'(g).
CK_INLINE float slope_times(ck_function f, float g, float d) {
  const float a = f.a, b = f.b;
  switch (f.kind) {
    case CK_SILU: {
      // silu'(g) = s (1 + g (1 - s))
      const float s = sigmoid_f32(g);
      return d * s * (1.0f + g * (1.0f - s));
    }
    case CK_GELU: {
      const float bell = bell_f32(g);
      return d * (normal_share_f32(g, bell) + 0.39894228f * g * bell);
    }
    case CK_GELU_TANH: {
      const float t = tanh_f32(0.79788456f * (g + 0.044715f * g * g * g));
      const float inner = 0.79788456f * (1.0f + 0.134145f * g * g);
      return d * (0.5f * (1.0f + t) + 0.5f * g * (1.0f - t * t) * inner);
    }
    case CK_RELU: return g > 0.0f ? d : 0.0f;
    case CK_SQUARED_RELU: return g > 0.0f ? d * 2.0f * g : 0.0f;
    case CK_SIGMOID: {
      const float s = sigmoid_f32(g);
      return d * (s * (1.0f - s));
    }
    case CK_SCALE: return d * a;
    case CK_CAP: {
      const float t = tanh_f32(g / a);
      return d * (1.0f - t * t);
    }
    case CK_SWISH: {
      const float s = sigmoid_f32(a * g);
      return g > b ? 0.0f : d * s * (1.0f + a * g * (1.0f - s));
    }
    default: return g < -a || g > a ? 0.0f : d;
  }
}

#endif
