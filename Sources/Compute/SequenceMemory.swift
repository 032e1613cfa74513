/// What one sequence keeps from token to token at one place of a block, in a device's memory.
package enum SequenceState {
  case keysAndValues(KeyValueCache)
}

/// What one sequence keeps in a block, for programs that run it piece by piece.
package final class SequenceMemory {
  /// Tokens so far.
  package internal(set) var tokenCount = 0
  /// Tokens that there is room for.
  package let capacity: Int
  private let states: [SequenceState]

  init(_ recording: Recording, capacity: Int, device: any Device) {
    self.capacity = capacity
    states = recording.states.map { device.makeState($0, capacity: capacity) }
  }

  package subscript(_ state: State) -> SequenceState { states[state.index] }
}
