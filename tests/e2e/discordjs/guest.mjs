// A guest on @discordjs/voice. Reads one JSON line on standard input:
//   {"guildId", "channelId", "userId", "voiceState", "voiceServer", "listenTo"}
// and writes JSON lines: {"state"} as the connection changes, {"opus"} (base64) for each packet of `listenTo` that was
// decrypted, end to end too. Ends when standard input closes.
import { createInterface } from 'node:readline';
import { EndBehaviorType, joinVoiceChannel } from '@discordjs/voice';

const lines = createInterface({ input: process.stdin });
const write = (message) => process.stdout.write(`${JSON.stringify(message)}\n`);
let connection;

function join({ guildId, channelId, voiceState, voiceServer, listenTo }) {
	connection = joinVoiceChannel({
		guildId,
		channelId,
		selfDeaf: false,
		selfMute: false,
		adapterCreator: (methods) => {
			// No Discord gateway here: the sandbox hands us the two events it would have sent.
			setImmediate(() => {
				methods.onVoiceStateUpdate(voiceState);
				methods.onVoiceServerUpdate(voiceServer);
			});
			return { sendPayload: () => true, destroy() {} };
		},
	});
	connection.on('stateChange', (_, state) => write({ state: state.status }));
	connection.on('error', (error) => write({ error: String(error) }));
	const stream = connection.receiver.subscribe(listenTo, { end: { behavior: EndBehaviorType.Manual } });
	stream.on('data', (packet) => write({ opus: packet.toString('base64') }));
	stream.on('error', (error) => write({ error: String(error) }));
}

lines.once('line', (line) => join(JSON.parse(line)));
lines.once('close', () => {
	connection?.destroy();
	process.exit(0);
});
