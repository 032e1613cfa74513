/// The weights of one block in the form in which a program reads them.
///
/// Programs that were recorded for the same structure can share it: one for many tokens, one for a single
/// token, bound to one block after another.
package final class ParameterMemory {
  package let buffers: [any DeviceBuffer]

  /// Zeroed memory for everything that `recording` reads.
  init(_ recording: Recording, device: any Device) {
    buffers = recording.parameters.map { info in
      let buffer = device.makeBuffer(byteCount: recording.byteCount(of: info))
      buffer.clear(from: 0, byteCount: buffer.byteCount)
      return buffer
    }
  }
}
