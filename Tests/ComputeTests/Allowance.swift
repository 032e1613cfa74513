import Recordings
import TestSupport

/// How far results may be from the f64 reference, for each compute type.
struct Allowance {
  var float32: Tolerance
  var bfloat16: Tolerance

  func callAsFunction(_ compute: ComputeType) -> Tolerance {
    compute == .bfloat16 ? bfloat16 : float32
  }

  /// One element, computed in f32 from exact inputs and then stored: half a unit in the last of bf16's 8
  /// bits, 2^-8, or a few of f32's 24.
  static let element = Allowance(
    float32: Tolerance(absolute: 1e-30, relative: 1e-6),
    bfloat16: Tolerance(absolute: 1e-30, relative: 0x1.01p-8))

  /// A sum of products, whose rounding errors go by its largest terms rather than by itself.
  static let sum = Allowance(
    float32: Tolerance(ofLargest: 1e-6),
    bfloat16: Tolerance(relative: 0x1.01p-8, ofLargest: 1e-6))

  /// Some operations one after the other, each of which stores its result rounded: errors of bf16's half
  /// unit, 2^-8, add up over the steps and over the gradients that meet.
  static let chain = Allowance(
    float32: Tolerance(ofLargest: 4e-6),
    bfloat16: Tolerance(ofLargest: 0x1p-6))

  /// A chain with sums that are rounded to f16 on the way, as the gradient of an integer scale is: one that
  /// lies between two of its numbers may be rounded to either, a difference of 2^-10 of it, of which the
  /// element that decides the scale gets a part.
  static let chainThroughHalf = Allowance(
    float32: Tolerance(ofLargest: 0x1p-14),
    bfloat16: Tolerance(ofLargest: 0x1p-6))
}
