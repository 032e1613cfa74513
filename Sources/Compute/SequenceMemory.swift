package import Recordings

/// What one sequence keeps in a block, for programs that run it piece by piece.
package final class SequenceMemory {
  /// Tokens so far.
  package internal(set) var tokenCount = 0
  /// Tokens that there is room for.
  package let capacity: Int
  private let states: [[any DeviceBuffer]]

  init(_ recording: Recording, capacity: Int, device: any Device) {
    self.capacity = capacity
    let piece = device.rowsOfStatePiece
    let rows = (capacity + piece - 1) / piece * piece
    states = recording.states.map { shape in
      shape.byteCounts(tokens: rows, compute: recording.compute).map { byteCount in
        let buffer = device.makeBuffer(byteCount: byteCount)
        buffer.clear(from: 0, byteCount: buffer.byteCount)
        return buffer
      }
    }
  }

  /// The buffers of a state, such as ``StateShape`` says; zero where no token is yet. Rows are in the compute type.
  package subscript(_ state: State) -> [any DeviceBuffer] { states[state.index] }
}
