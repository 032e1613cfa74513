import Recordings

/// The weights of one block in the form in which a program reads them.
///
/// Programs that were recorded for the same structure can share it: one for many tokens, one for a single
/// token, bound to one block after another.
package final class ParameterMemory {
  package private(set) var buffers: [any DeviceBuffer]

  /// Memory for everything that `recording` reads: zeros for vectors, which may be scales that are not loaded;
  /// undefined for matrices.
  init(_ recording: Recording, device: any Device) {
    buffers = recording.parameters.map { info in
      let buffer = device.makeBuffer(byteCount: recording.byteCount(of: info))
      if !info.isMatrix { buffer.clear(from: 0, byteCount: buffer.byteCount) }
      return buffer
    }
  }

  /// Reads a parameter from `buffer`, which has its type and shape, from now on; nobody may write to it.
  func use(_ buffer: any DeviceBuffer, as parameter: Parameter) {
    buffers[parameter.index] = buffer
  }
}
