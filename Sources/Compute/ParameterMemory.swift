import Tensors

/// The weights of one block in the form in which a program reads them.
///
/// Programs that were recorded for the same structure can share it: one for many tokens, one for a single
/// token, bound to one block after another.
package final class ParameterMemory {
  private(set) var pointers: [UnsafeMutableRawPointer]
  /// Tensors that are read where they lie, in place of memory of its own.
  private var borrowed: [Parameter: Tensor] = [:]
  package let byteCount: Int

  /// Memory for everything that `recorder` reads: zeros for vectors, which may be scales that are not loaded;
  /// undefined for matrices.
  init(_ recorder: ProgramRecorder) {
    var total = 0
    pointers = recorder.parameters.map { info in
      let element = info.isMatrix ? recorder.compute.byteCount : MemoryLayout<Float>.stride
      let byteCount = info.rows * info.columns * element
      let pointer = Memory.allocate(byteCount: max(byteCount, 64))
      if !info.isMatrix {
        pointer.initializeMemory(as: UInt8.self, repeating: 0, count: byteCount)
      }
      total += byteCount
      return pointer
    }
    byteCount = total
  }

  deinit {
    for (index, pointer) in pointers.enumerated() where borrowed[Parameter(index: index)] == nil {
      pointer.deallocate()
    }
  }

  /// Reads a parameter from `tensor`, of its type and shape, from now on; nobody may write to it.
  func borrow(_ tensor: Tensor, as parameter: Parameter) {
    if borrowed.updateValue(tensor, forKey: parameter) == nil {
      pointers[parameter.index].deallocate()
    }
    // The storage is kept alive, and stays where it is.
    pointers[parameter.index] = tensor.withUnsafeBytes {
      UnsafeMutableRawPointer(mutating: $0.baseAddress!)
    }
  }
}
