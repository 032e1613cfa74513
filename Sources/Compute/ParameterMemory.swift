import Tensors

/// The weights of one block in the form in which a program reads them.
///
/// Programs that were recorded for the same structure can share it: one for many tokens, one for a single
/// token, bound to one block after another.
package final class ParameterMemory {
  let pointers: [UnsafeMutableRawPointer]
  package let byteCount: Int

  /// Zeroed memory for everything that `recorder` reads.
  init(_ recorder: ProgramRecorder) {
    var total = 0
    pointers = recorder.parameters.map { info in
      let element = info.isMatrix ? recorder.compute.byteCount : MemoryLayout<Float>.stride
      let byteCount = info.rows * info.columns * element
      let pointer = Memory.allocate(byteCount: max(byteCount, 64))
      pointer.initializeMemory(as: UInt8.self, repeating: 0, count: byteCount)
      total += byteCount
      return pointer
    }
    byteCount = total
  }

  deinit { for pointer in pointers { pointer.deallocate() } }
}
