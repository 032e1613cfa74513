import Compute
import Recordings

/// What kernels of the processor see of a program: pointers.
extension Program {
  subscript(_ value: Value) -> UnsafeMutableRawPointer { self[range: value].pointer }

  subscript(_ operand: Operand) -> UnsafeMutableRawPointer { self[range: operand].pointer }

  subscript(_ parameter: Parameter) -> UnsafeMutablePointer<Float> { self[range: parameter].floats }

  func gradient(of value: Value) -> UnsafeMutableRawPointer { self[gradientOf: value].pointer }
}

extension GradientTarget {
  var pointer: UnsafeMutableRawPointer { range.pointer }
}
