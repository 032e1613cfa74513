package import Diagnostics
package import Tensors

extension Tensor {
  /// Floating-point elements, none of which may be infinite or NaN.
  package func finiteFloats() throws(InputError) -> [Float] {
    let numbers = floats()
    guard numbers.allSatisfy(\.isFinite) else {
      throw InputError(.notFinite, "a number is infinite or NaN")
    }
    return numbers
  }
}
